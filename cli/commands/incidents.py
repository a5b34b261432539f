"""crontopus incidents, status: what is wrong now, why, since when, and who looks after it."""

import click

from chalicelib.domain import durations
from cli import client
from cli.answers import Body
from cli.groups import Command, Group
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column

_INCIDENTS = (
    Column("WHAT", is_flexible=True, key="title"),
    Column("STATE"),
    Column("SINCE", key="opened_at"),
    Column("WHY", is_flexible=True),
    Column("SEVERITY", is_extra=True),
    Column("ID", is_name=True),
    Column("RULE", is_wide=True),
    Column("TIMES", is_wide=True, key="bad"),
)
_EVENTS = (Column("AT"), Column("WHAT", key="kind"), Column("WHO"), Column("WORDS", is_flexible=True))


class _Span(click.ParamType[int]):
    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return durations.seconds(str(value))
        except ValueError as e:
            self.fail(str(e), param, ctx)


@click.group("incidents", cls=Group)
def incidents() -> None:
    """See what went wrong, and say who looks after it."""


@incidents.command("list")
@click.option("--all", "is_all", is_flag=True, help="The ended ones too, the newest first.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many, with --all.")
@pass_invocation
def list_incidents(invocation: Invocation, is_all: bool, limit: int) -> None:
    """List the open incidents, the gravest first."""
    query: dict[str, str | int] = {"state": "all", "limit": limit} if is_all else {"state": "open"}
    answer = invocation.client.get("/api/incidents", query)
    empty = ["No incident so far."] if is_all else ["All is well: no incident is open."]
    rows = (_row(invocation, one) for one in answer.part("incidents"))
    invocation.printer.listing(answer.body, _INCIDENTS, rows, empty=empty)


@incidents.command("show")
@click.argument("incident", metavar="ID")
@pass_invocation
def show_incident(invocation: Invocation, incident: str) -> None:
    """Show an incident and its timeline."""
    printer = invocation.printer
    answer = invocation.client.get(client.path("incidents", incident))
    found = answer.part("incident")
    if printer.is_table:
        printer.note(f"{found.get('title')} ({found.get('severity')}, {found.get('state')})")
        if found.get("why"):
            printer.note(f"why: {found['why']}")
        if found.get("run_id"):
            printer.note(f"see: crontopus runs show {found['run_id']}")
    rows = ([printer.ago(one.get("at")), one.get("kind"), one.get("who"), one.get("words")] for one in found["events"])
    printer.listing(answer.body, _EVENTS, rows)


@incidents.command("ack")
@click.argument("incident", metavar="ID")
@pass_invocation
def acknowledge(invocation: Invocation, incident: str) -> None:
    """Take an incident on: nobody is reminded of it any more."""
    _say(invocation, invocation.client.post(client.path("incidents", incident, "acknowledge"), None).body, "Acknowledged")


@incidents.command("snooze")
@click.argument("incident", metavar="ID")
@click.option("--for", "span_s", type=_Span(), default="1h", show_default=True, help="For how long: 30m, 2h, 1d.")
@pass_invocation
def snooze(invocation: Invocation, incident: str, span_s: int) -> None:
    """Silence an incident for a while."""
    _say(invocation, invocation.client.post(client.path("incidents", incident, "snooze"), {"seconds": span_s}).body, "Snoozed")


@incidents.command("resolve")
@click.argument("incident", metavar="ID")
@pass_invocation
def resolve(invocation: Invocation, incident: str) -> None:
    """End an incident by hand; the next bad sign opens another."""
    _say(invocation, invocation.client.post(client.path("incidents", incident, "resolve"), None).body, "Resolved")


@click.command("status", cls=Command)
@click.pass_context
def status(ctx: click.Context) -> None:
    """Say what is red now, why, and since when. Ends with 1 if anything is.

    \b
    Examples:
      crontopus status
    """
    invocation = ctx.ensure_object(Invocation)
    answer = invocation.client.get("/api/incidents", {"state": "open"})
    found = answer.part("incidents")
    rows = (_row(invocation, one) for one in found)
    invocation.printer.listing(answer.body, _INCIDENTS, rows, empty=["All is well: no incident is open."])
    ctx.exit(1 if found else 0)


def _row(invocation: Invocation, incident: Body) -> list[Cell]:
    return [
        incident.get("title"),
        incident.get("state"),
        invocation.printer.ago(incident.get("opened_at")),
        incident.get("why"),
        incident.get("severity"),
        incident.get("id"),
        incident.get("rule"),
        str(incident.get("bad")),
    ]


def _say(invocation: Invocation, body: Body, verb: str) -> None:
    found = body.get("incident") or {}
    invocation.printer.done(body, f"{verb}: {found.get('title')}.", name=found.get("id"))
