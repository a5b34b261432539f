"""crontopus tokens: what scripts use instead of a person's login."""

import click

from chalicelib.domain.scopes import SCOPES
from cli import client
from cli.answers import Body
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.output import Cell, Column

_COLUMNS = (
    Column("NAME"),
    Column("SCOPES", is_flexible=True),
    Column("ENDS WITH", is_extra=True),
    Column("EXPIRES"),
    Column("USED"),
    Column("ID"),
    Column("CREATED", is_extra=True),
)


@click.group("tokens", cls=Group)
def tokens() -> None:
    """Make API tokens for scripts, held to what their scopes allow."""


@tokens.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    metavar="SCOPE",
    multiple=True,
    required=True,
    help=f"What it may do; repeatable. One of {', '.join(SCOPES)}.",
)
@click.option(
    "--expires-in-days", type=click.Choice(["90", "365", "never"]), default="90", show_default=True, help="How long it lives."
)
@pass_invocation
def create(invocation: Invocation, name: str, scopes: tuple[str, ...], expires_in_days: str) -> None:
    """Make a token. Only the token goes to stdout, and it is shown this once.

    NAME is for you, to know it by. A token can make others, but none with a
    scope that it does not hold itself.

    \b
    Examples:
      crontopus tokens create ci --scope read:jobs --scope write:jobs
      crontopus tokens create board --scope read:runs > token
    """
    printer = invocation.printer
    life = expires_in_days if expires_in_days == "never" else int(expires_in_days)
    answer = invocation.client.post("/api/tokens", {"name": name, "scopes": list(scopes), "expires_in_days": life})
    if printer.is_json:
        printer.json(answer.body)
        return
    printer.line(answer.part("plain_text"))
    expires_at = answer.part("token").get("expires_at")
    until = f"Valid until {printer.local(expires_at)}" if expires_at else "Valid until it is revoked"
    printer.note(f"{until}. It is not shown again.")
    printer.note("Scripts use it as CRONTOPUS_TOKEN.")


@tokens.command("list")
@pass_invocation
def list_tokens(invocation: Invocation) -> None:
    """List tokens: what each may do, and when it was last used."""
    printer = invocation.printer
    answer = invocation.client.get("/api/tokens")
    found = answer.part("tokens")
    if printer.is_json:
        printer.json(answer.body)
    elif found:
        printer.table(_COLUMNS, [_row(invocation, token) for token in found])
    else:
        printer.note("No API tokens.")
        printer.note("Make one: crontopus tokens create ci --scope read:jobs")


@tokens.command("revoke")
@click.argument("token_id", metavar="ID")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@pass_invocation
def revoke(invocation: Invocation, token_id: str, yes: bool) -> None:
    """Revoke a token: its next request is refused."""
    path = client.path("tokens", token_id)
    invocation.confirm(f"revoke token {token_id}", yes=yes)
    answer = invocation.client.delete(path)
    if invocation.printer.is_json:
        invocation.printer.json(answer.body)
    else:
        invocation.printer.line(f"Revoked token {token_id}.")


def _row(invocation: Invocation, token: Body) -> list[Cell]:
    printer = invocation.printer
    used, created = token.get("last_used_at"), printer.ago(token.get("created_at"))
    expires = printer.ago(token["expires_at"]) if token.get("expires_at") else "never"
    return [
        token.get("name"),
        " ".join(token.get("scopes", [])),
        token.get("last4"),
        expires,
        printer.ago(used) if used else "never",
        token.get("id"),
        created,
    ]
