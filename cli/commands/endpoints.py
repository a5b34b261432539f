"""crontopus endpoints: the machines that run an agent."""

from collections.abc import Iterator
from typing import get_args

import click

from chalicelib.domain.endpoints import EndpointState
from cli import client
from cli.answers import Body
from cli.commands import endpoint_input, endpoint_life, endpoint_orders, instances
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column, Fact, status

_COLUMNS = (
    Column("NAME", is_flexible=True, is_name=True),
    Column("STATE"),
    Column("LAST SEEN", key="last_heartbeat_at"),
    Column("ID"),
    Column("HOSTNAME", is_extra=True),
    Column("PLATFORM", is_extra=True),
    Column("SCHEDULER", is_extra=True),
    Column("VERSION", is_extra=True),
    Column("LABELS", is_wide=True),
    Column("TIME ZONE", is_wide=True),
    Column("COMMIT", is_wide=True),
    Column("ENROLLED", is_wide=True, key="enrolled_at"),
)

_NONE = ("No endpoints yet.", "Make a token to enroll a machine with: crontopus enrollment-tokens create my-server")
_NO_SUCH = ("No such endpoints.", "See all of them: crontopus endpoints list")


@click.group("endpoints", cls=Group)
def endpoints() -> None:
    """See and manage machines with an agent (also: agents)."""


for command in (*endpoint_life.COMMANDS, *endpoint_orders.COMMANDS, instances.jobs_of_endpoint, instances.discovered):
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
    rows = (_row(invocation, endpoint) for endpoint in sorted(found, key=_name))
    printer.listing(answer.body, _COLUMNS, rows, empty=_NO_SUCH if state or platform or name else _NONE)
    if printer.is_table:
        for endpoint in found:
            for problem in endpoint.get("problems") or []:
                printer.note(f"warning: {endpoint.get('name')}: {problem}")


@endpoints.command("show")
@endpoint_input.endpoint_argument
@pass_invocation
def show(invocation: Invocation, endpoint: str) -> None:
    """Show one endpoint. NAME may also be its hostname."""
    found = endpoint_input.find(invocation.client, endpoint)
    answer = invocation.client.get(client.path("endpoints", str(found["id"])))
    facts = _facts(invocation, answer.part("endpoint"), answer.body.get("repository") or {})
    invocation.printer.thing(answer.body, facts, name=found.get("name"))


def _name(endpoint: Body) -> str:
    return str(endpoint.get("name"))


def _row(invocation: Invocation, endpoint: Body) -> list[Cell]:
    printer = invocation.printer
    return [
        endpoint.get("name"),
        status(endpoint.get("state")),
        printer.ago(endpoint.get("last_heartbeat_at"), "never"),
        endpoint.get("id"),
        endpoint.get("hostname"),
        endpoint.get("platform"),
        endpoint.get("scheduler"),
        endpoint.get("version"),
        " ".join(f"{key}={value}" for key, value in sorted((endpoint.get("labels") or {}).items())) or None,
        endpoint.get("timezone"),
        str(endpoint["commit"])[:10] if endpoint.get("commit") else None,
        printer.ago(endpoint.get("enrolled_at")),
    ]


def _facts(invocation: Invocation, endpoint: Body, repository: Body) -> Iterator[Fact]:
    printer = invocation.printer
    seen, unsent = endpoint.get("last_heartbeat_at"), endpoint.get("spool_depth")
    yield "Name", endpoint.get("name")
    yield "State", status(endpoint.get("state"))
    yield "Last seen", printer.local(seen) if seen else "never"
    yield "Enrolled", printer.local(endpoint.get("enrolled_at"))
    yield "Hostname", endpoint.get("hostname")
    yield "Platform", endpoint.get("platform")
    yield "Scheduler", endpoint.get("scheduler")
    yield "Time zone", endpoint.get("timezone")
    yield "Agent", endpoint.get("version")
    yield "Commit", endpoint.get("commit")
    yield "Released", f"until {printer.local(endpoint['released_until'])}" if endpoint.get("released_until") else None
    if since := endpoint.get("suspended_since"):
        until = endpoint.get("suspended_until")
        yield "Suspended", f"since {printer.local(since)}" + (f" until {printer.local(until)}" if until else "")
    if held := endpoint.get("held"):
        what = "approved, not yet carried out" if held.get("is_approved") else "see `crontopus endpoints approve-removals`"
        yield "Held back", f"{held.get('count')} removals ({held.get('code')}); {what}"
    yield "Unsent runs", str(unsent) if unsent else None
    yield "ID", endpoint.get("id")
    for key, value in sorted((endpoint.get("labels") or {}).items()):
        yield "Label", f"{key}={value}"
    for problem in endpoint.get("problems") or []:
        yield "Problem", problem
    yield "Repository", repository.get("url")
    yield "Branch", repository.get("branch")
