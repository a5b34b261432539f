"""crontopus tokens: what scripts use instead of a person's login."""

import click

from chalicelib.domain.scopes import SCOPES
from cli import client
from cli.answers import Body
from cli.commands import removal
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column

_COLUMNS = (
    Column("NAME"),
    Column("SCOPES", is_flexible=True),
    Column("ENDS WITH", is_extra=True, key="last4"),
    Column("EXPIRES", key="expires_at"),
    Column("USED", key="last_used_at"),
    Column("ID", is_name=True),
    Column("CREATED", is_extra=True, key="created_at"),
)

_life = click.Choice(["90", "365", "never"])


@click.group("tokens", cls=Group)
def tokens() -> None:
    """Make API tokens for scripts."""


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
@click.option("--expires-in-days", type=_life, default="90", show_default=True, help="How long it lives.")
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
    body = {"name": name, "scopes": list(scopes), "expires_in_days": _days(expires_in_days)}
    answer = invocation.client.post("/api/tokens", body)
    made = answer.part("token")
    # Also where only the name was asked for: what is not printed now is lost.
    printer.done(answer.body, answer.part("plain_text"), name=answer.part("plain_text"))
    if printer.is_table:
        printer.note(f"{_validity(invocation, made)}. It is not shown again.")
        printer.note("Scripts use it as CRONTOPUS_TOKEN.")


@tokens.command("list")
@pass_invocation
def list_tokens(invocation: Invocation) -> None:
    """List tokens: what each may do, and when it was last used."""
    answer = invocation.client.get("/api/tokens")
    rows = (_row(invocation, token) for token in answer.part("tokens"))
    empty = ("No API tokens.", "Make one: crontopus tokens create ci --scope read:jobs")
    invocation.printer.listing(answer.body, _COLUMNS, rows, empty=empty)


@tokens.command("update")
@click.argument("token_id", metavar="ID")
@click.option("--name", help="Know it by this name from now on.")
@click.option("--expires-in-days", type=_life, help="How long it lives, counted from now.")
@pass_invocation
def update(invocation: Invocation, token_id: str, name: str | None, expires_in_days: str | None) -> None:
    """Give a token another name or expiry; what it may do stays.

    \b
    Example:
      crontopus tokens update tk-0123456789 --name deploy --expires-in-days 365
    """
    days = _days(expires_in_days) if expires_in_days else None
    body = {key: value for key, value in {"name": name, "expires_in_days": days}.items() if value is not None}
    if not body:
        raise click.UsageError("give --name or --expires-in-days")
    answer = invocation.client.patch(client.path("tokens", token_id), body)
    changed = answer.part("token")
    done = f"Updated token {token_id}: {changed.get('name')}. {_validity(invocation, changed)}."
    invocation.printer.done(answer.body, done, name=token_id)


@tokens.command("revoke")
@click.argument("token_id", metavar="ID")
@removal.yes_option
@pass_invocation
def revoke(invocation: Invocation, token_id: str, yes: bool) -> None:
    """Revoke a token: its next request is refused."""
    removal.remove(invocation, "token", token_id, client.path("tokens", token_id), yes=yes, verb="revoke")


def _days(life: str) -> int | str:
    return life if life == "never" else int(life)


def _validity(invocation: Invocation, token: Body) -> str:
    expires_at = token.get("expires_at")
    return f"Valid until {invocation.printer.local(expires_at)}" if expires_at else "Valid until it is revoked"


def _row(invocation: Invocation, token: Body) -> list[Cell]:
    printer = invocation.printer
    return [
        token.get("name"),
        " ".join(token.get("scopes", [])),
        token.get("last4"),
        printer.ago(token.get("expires_at"), "never"),
        printer.ago(token.get("last_used_at"), "never"),
        token.get("id"),
        printer.ago(token.get("created_at")),
    ]
