"""crontopus ping-keys: what stands in ping URLs that name a job by its name."""

import click

from cli import client
from cli.answers import Body
from cli.commands import removal
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column

_COLUMNS = (Column("NAME", is_flexible=True), Column("ENDS WITH", key="last4"), Column("ID", is_name=True), Column("CREATED"))


@click.group("ping-keys", cls=Group)
def ping_keys() -> None:
    """Make keys for ping URLs of the form /ping/KEY/JOB."""


@ping_keys.command("create")
@click.argument("name")
@pass_invocation
def create(invocation: Invocation, name: str) -> None:
    """Make a key. Only the key goes to stdout, and it is shown this once."""
    answer = invocation.client.post("/api/ping-keys", {"name": name})
    key = answer.part("plain_text")
    invocation.printer.done(answer.body, key, name=key)
    if invocation.printer.is_table:
        invocation.printer.note(f"It is not shown again. Ping a job with: curl {invocation.client.api_url}/ping/KEY/JOB")


@ping_keys.command("list")
@pass_invocation
def list_keys(invocation: Invocation) -> None:
    """List the keys; the keys themselves are not kept."""
    answer = invocation.client.get("/api/ping-keys")
    rows = (_row(invocation, key) for key in answer.part("ping_keys"))
    invocation.printer.listing(answer.body, _COLUMNS, rows, empty=("No ping keys.", "Make one: crontopus ping-keys create web"))


@ping_keys.command("revoke")
@click.argument("key_id", metavar="ID")
@removal.yes_option
@pass_invocation
def revoke(invocation: Invocation, key_id: str, yes: bool) -> None:
    """Revoke a key: URLs with it are dead from the next request on."""
    removal.remove(invocation, "ping key", key_id, client.path("ping-keys", key_id), yes=yes, verb="revoke")


def _row(invocation: Invocation, key: Body) -> list[Cell]:
    return [key.get("name"), key.get("last4"), key.get("id"), invocation.printer.ago(key.get("created_at"))]
