"""crontopus schedule: what a schedule means, without asking anybody."""

from datetime import datetime
from zoneinfo import ZoneInfo

import click

from chalicelib.domain import schedule as rules
from chalicelib.domain import times
from chalicelib.domain.errors import Invalid
from cli import errors
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.tables import Column

_COLUMNS = (Column("LOCAL"), Column("UTC", is_name=True))


@click.group("schedule", cls=Group)
def schedule() -> None:
    """Try a schedule before it is used."""


@schedule.command("next")
@click.argument("expression")
@click.option("--timezone", "zone", default="UTC", metavar="ZONE", help="IANA zone of the machine, such as Europe/Paris.")
@click.option("--count", default=5, show_default=True, type=click.IntRange(1, 50), help="How many runs to show.")
@click.option("--after", metavar="MOMENT", help="Start here instead of now, such as 2026-03-28T00:00:00Z.")
@pass_invocation
def next_runs(invocation: Invocation, expression: str, zone: str, count: int, after: str | None) -> None:
    """Show when a schedule fires next.

    By the rules of cron(8), daylight saving time included. Nobody is asked.
    """
    printer = invocation.printer
    start = _moment(after) if after else printer.now
    try:
        fires = rules.next_fires(expression, start, zone, count)
    except Invalid as e:
        raise errors.Invalid("the schedule cannot be used", problems=e.problems) from e
    local = ZoneInfo(zone)
    body = {"schedule": expression, "timezone": zone, "next": [times.to_text(moment) for moment in fires]}
    rows = ([f"{at.astimezone(local):%a %Y-%m-%d %H:%M %Z}", times.to_text(at)] for at in fires)
    printer.listing(body, _COLUMNS, rows, empty=["It runs when cron starts; no moment can be told."])


def _moment(text: str) -> datetime:
    try:
        return times.from_text(text)
    except ValueError as e:
        raise click.BadParameter(str(e), param_hint="--after") from e
