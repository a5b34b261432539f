"""crontopus auth sessions: where you are logged in."""

import click

from cli import client
from cli.answers import Body
from cli.commands import removal
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column

_COLUMNS = (
    Column("CLIENT", is_flexible=True),
    Column("THIS ONE", key="is_current"),
    Column("STARTED", key="started_at"),
    Column("RENEWED", key="refreshed_at"),
    Column("ID", is_name=True),
    Column("EXPIRES", is_extra=True, key="expires_at"),
)


@click.group("sessions", cls=Group)
def sessions() -> None:
    """See where you are logged in, and end what is not you."""


@sessions.command("list")
@pass_invocation
def list_sessions(invocation: Invocation) -> None:
    """List your open sessions."""
    answer = invocation.client.get("/api/auth/sessions")
    rows = (_row(invocation, session) for session in answer.part("sessions"))
    invocation.printer.listing(answer.body, _COLUMNS, rows, empty=["No open sessions; a token has none."])


@sessions.command("end")
@click.argument("session_id", metavar="ID", required=False)
@click.option("--others", is_flag=True, help="All but this one.")
@removal.yes_option
@pass_invocation
def end(invocation: Invocation, session_id: str | None, others: bool, yes: bool) -> None:
    """End a session; what it still holds works for at most 15 minutes.

    \b
    Examples:
      crontopus auth sessions end se-0123456789
      crontopus auth sessions end --others --yes
    """
    if bool(session_id) == others:
        raise click.UsageError("give the ID of a session, or --others")
    if session_id:
        removal.remove(invocation, "session", session_id, client.path("auth", "sessions", session_id), yes=yes, verb="end")
        return
    found = invocation.client.get("/api/auth/sessions").part("sessions")
    ids = [str(session["id"]) for session in found if not session.get("is_current")]
    invocation.confirm(f"end {len(ids)} other sessions", yes=yes)
    for one in ids:
        invocation.client.delete(client.path("auth", "sessions", one))
    invocation.printer.done({"ended": ids}, f"Ended {len(ids)} other sessions.", name="\n".join(ids))


def _row(invocation: Invocation, session: Body) -> list[Cell]:
    printer = invocation.printer
    return [
        session.get("client"),
        "yes" if session.get("is_current") else "",
        printer.ago(session.get("started_at")),
        printer.ago(session.get("refreshed_at")),
        session.get("id"),
        printer.ago(session.get("expires_at")),
    ]
