"""crontopus endpoints: the machines that run an agent."""

import click

from cli.answers import Body
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.output import Cell, Column, status

_COLUMNS = (
    Column("NAME", is_flexible=True),
    Column("STATE"),
    Column("LAST SEEN"),
    Column("ID"),
    Column("HOSTNAME", is_extra=True),
    Column("PLATFORM", is_extra=True),
    Column("SCHEDULER", is_extra=True),
    Column("VERSION", is_extra=True),
)


@click.group("endpoints", cls=Group)
def endpoints() -> None:
    """Look at the machines that run an agent (also: agents)."""


@endpoints.command("list")
@pass_invocation
def list_endpoints(invocation: Invocation) -> None:
    """List endpoints."""
    printer = invocation.printer
    answer = invocation.client.get("/api/endpoints")
    found = answer.part("endpoints")
    if printer.is_json:
        printer.json(answer.body)
    elif found:
        printer.table(_COLUMNS, [_row(invocation, endpoint) for endpoint in sorted(found, key=_name)])
        for endpoint in found:
            for problem in endpoint.get("problems") or []:
                printer.note(f"warning: {endpoint.get('name')}: {problem}")
    else:
        printer.note("No endpoints yet.")
        printer.note("Make a token to enroll a machine with: crontopus enrollment-tokens create my-server")


def _name(endpoint: Body) -> str:
    return str(endpoint.get("name"))


def _row(invocation: Invocation, endpoint: Body) -> list[Cell]:
    seen = endpoint.get("last_heartbeat_at")
    return [
        endpoint.get("name"),
        status(endpoint.get("state")),
        invocation.printer.ago(seen) if seen else "never",
        endpoint.get("id"),
        endpoint.get("hostname"),
        endpoint.get("platform"),
        endpoint.get("scheduler"),
        endpoint.get("version"),
    ]
