"""`crontopus-agent suspend`."""

from datetime import UTC, datetime, timedelta

import click

from agent import audit, orders
from agent.config import load_config, own_home
from agent.home import ROUND_WAIT_S, locked
from chalicelib.domain import durations
from chalicelib.domain.times import to_text


@click.command()
@click.option("--for", "span", metavar="SPAN", help="How long, such as 30m, 2h or 1d; until `resume` without it.")
def suspend(span: str | None) -> None:
    """Let rounds look and report, and write nothing. Jobs go on as they are, their results are delivered.

    \b
    Examples:
      crontopus-agent suspend --for 2h
      crontopus-agent suspend
    """
    home, _ = own_home()
    load_config(home)
    now = datetime.now(UTC)
    until = _end(span, now)
    # A round that is on its way may still write: after this command nothing does.
    with locked(home.round_lock, wait_s=ROUND_WAIT_S):
        made = orders.suspend(home, until, now)
    audit.record(home, "suspended", {"until": to_text(made.until) if made.until else None})
    end = f"until {to_text(made.until)}" if made.until else "until `crontopus-agent resume`"
    click.echo(f"suspended {end}: nothing is written; what would change is in `crontopus-agent diff`")


def _end(span: str | None, now: datetime) -> datetime | None:
    try:
        return now + timedelta(seconds=durations.seconds(span)) if span else None
    except (ValueError, OverflowError) as e:
        raise click.UsageError(f"--for: {e}") from e
