"""crontopus endpoints: the machines that run an agent."""

from typing import get_args

import click

from chalicelib.domain.endpoints import EndpointState
from cli import client
from cli.answers import Body
from cli.commands import endpoint_input, endpoint_life
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
    """See and manage the machines that run an agent (also: agents)."""


for command in (endpoint_life.rename, endpoint_life.label, endpoint_life.revoke, endpoint_life.delete):
    endpoints.add_command(command)


@endpoints.command("list")
@click.option("--state", type=click.Choice(get_args(EndpointState)), help="Only endpoints in this state.")
@click.option("--platform", help="Only endpoints on this platform, such as linux.")
@click.option("--name", help="Only endpoints with this in their name.")
@pass_invocation
def list_endpoints(invocation: Invocation, state: str | None, platform: str | None, name: str | None) -> None:
    """List endpoints."""
    printer = invocation.printer
    answer = invocation.client.get("/api/endpoints", {"state": state, "platform": platform, "name": name})
    found = answer.part("endpoints")
    if printer.is_json:
        printer.json(answer.body)
    elif found:
        printer.table(_COLUMNS, [_row(invocation, endpoint) for endpoint in sorted(found, key=_name)])
        for endpoint in found:
            for problem in endpoint.get("problems") or []:
                printer.note(f"warning: {endpoint.get('name')}: {problem}")
    elif state or platform or name:
        printer.note("No such endpoints.")
        printer.note("See all of them: crontopus endpoints list")
    else:
        printer.note("No endpoints yet.")
        printer.note("Make a token to enroll a machine with: crontopus enrollment-tokens create my-server")


@endpoints.command("show")
@endpoint_input.endpoint_argument
@pass_invocation
def show(invocation: Invocation, endpoint: str) -> None:
    """Show one endpoint. NAME may also be its hostname."""
    printer = invocation.printer
    found = endpoint_input.find(invocation.client, endpoint)
    answer = invocation.client.get(client.path("endpoints", str(found["id"])))
    if printer.is_json:
        printer.json(answer.body)
    else:
        repository = answer.body.get("repository") or {}
        source: list[tuple[str, Cell]] = [("Repository", repository.get("url")), ("Branch", repository.get("branch"))]
        printer.facts(_facts(invocation, answer.part("endpoint")) + source)


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


def _facts(invocation: Invocation, endpoint: Body) -> list[tuple[str, Cell]]:
    printer = invocation.printer
    seen, unsent = endpoint.get("last_heartbeat_at"), endpoint.get("spool_depth")
    facts: list[tuple[str, Cell]] = [
        ("Name", endpoint.get("name")),
        ("State", status(endpoint.get("state"))),
        ("Last seen", printer.local(seen) if seen else "never"),
        ("Enrolled", printer.local(endpoint.get("enrolled_at"))),
        ("Hostname", endpoint.get("hostname")),
        ("Platform", endpoint.get("platform")),
        ("Scheduler", endpoint.get("scheduler")),
        ("Time zone", endpoint.get("timezone")),
        ("Agent", endpoint.get("version")),
        ("Commit", endpoint.get("commit")),
        ("Unsent runs", str(unsent) if unsent else None),
        ("ID", endpoint.get("id")),
    ]
    facts += [("Label", f"{key}={value}") for key, value in sorted((endpoint.get("labels") or {}).items())]
    return facts + [("Problem", problem) for problem in endpoint.get("problems") or []]
