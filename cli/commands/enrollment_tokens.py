"""crontopus enrollment-tokens: what a machine needs once, to become an endpoint."""

import click

from cli import client
from cli.answers import Body
from cli.commands import removal
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column

_COLUMNS = (
    Column("NAME", is_flexible=True),
    Column("USED"),
    Column("EXPIRES", key="expires_at"),
    Column("ID", is_name=True),
    Column("CREATED", is_extra=True, key="created_at"),
    Column("LAST USED", is_wide=True, key="last_used_at"),
)


@click.group("enrollment-tokens", cls=Group)
def enrollment_tokens() -> None:
    """Make tokens with which machines become endpoints."""


@enrollment_tokens.command("create")
@click.argument("name")
@click.option("--expires-in-hours", type=click.IntRange(1), default=24, show_default=True)
@click.option("--max-uses", type=click.IntRange(1), default=1, show_default=True, help="How many machines may use it.")
@pass_invocation
def create(invocation: Invocation, name: str, expires_in_hours: int, max_uses: int) -> None:
    """Make a token. Only the token goes to stdout, and it is shown this once.

    NAME is for you, to know it by.

    \b
    Examples:
      crontopus enrollment-tokens create web-1
      crontopus enrollment-tokens create fleet --max-uses 20 > token.txt
    """
    printer = invocation.printer
    body = {"name": name, "expires_in_hours": expires_in_hours, "max_uses": max_uses}
    answer = invocation.client.post("/api/enrollment-tokens", body)
    made = answer.part("enrollment_token")
    # Also where only the name was asked for: what is not printed now is lost.
    printer.done(answer.body, answer.part("token"), name=answer.part("token"))
    if printer.is_table:
        uses = "one machine" if made.get("max_uses") == 1 else f"{made.get('max_uses')} machines"
        printer.note(f"For {uses}, valid until {printer.local(made.get('expires_at'))}. It is not shown again.")
        printer.note(f"On the machine: crontopus-agent enroll --api-url {invocation.client.api_url}")


@enrollment_tokens.command("list")
@pass_invocation
def list_tokens(invocation: Invocation) -> None:
    """List tokens; the tokens themselves are not kept."""
    answer = invocation.client.get("/api/enrollment-tokens")
    rows = (_row(invocation, token) for token in answer.part("enrollment_tokens"))
    empty = ("No enrollment tokens.", "Make one: crontopus enrollment-tokens create my-server")
    invocation.printer.listing(answer.body, _COLUMNS, rows, empty=empty)


@enrollment_tokens.command("delete")
@click.argument("token_id", metavar="ID")
@removal.yes_option
@pass_invocation
def delete(invocation: Invocation, token_id: str, yes: bool) -> None:
    """Delete a token; machines that are enrolled already stay."""
    removal.remove(invocation, "enrollment token", token_id, client.path("enrollment-tokens", token_id), yes=yes)


def _row(invocation: Invocation, token: Body) -> list[Cell]:
    printer = invocation.printer
    return [
        token.get("name"),
        f"{token.get('used_count')} of {token.get('max_uses') or 'any number'}",
        printer.ago(token.get("expires_at")),
        token.get("id"),
        printer.ago(token.get("created_at")),
        printer.ago(token.get("last_used_at"), "never"),
    ]
