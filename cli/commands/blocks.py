"""crontopus blocks, trusted-networks: for operators, which addresses are refused and which are never."""

import click

from cli import client
from cli.answers import Body
from cli.commands import removal
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column

_BLOCKS = (
    Column("ADDRESS"),
    Column("UNTIL"),
    Column("REASON", is_flexible=True),
    Column("ID", is_name=True),
    Column("SINCE", is_extra=True, key="created_at"),
    Column("IN A ROW", is_wide=True, key="times_in_a_row"),
)
_NETWORKS = (
    Column("NETWORK"),
    Column("REASON", is_flexible=True),
    Column("ID", is_name=True),
    Column("SINCE", is_extra=True, key="created_at"),
)

_reason = click.option("--reason", required=True, help="Why, for other operators.")


@click.group("blocks", cls=Group)
def blocks() -> None:
    """Refuse addresses (operators only)."""


@blocks.command("list")
@pass_invocation
def list_blocks(invocation: Invocation) -> None:
    """List the addresses that are refused now."""
    answer = invocation.client.get("/api/blocks")
    rows = (_block(invocation, block) for block in answer.part("blocks"))
    invocation.printer.listing(answer.body, _BLOCKS, rows, empty=["No address is blocked."])


@blocks.command("add")
@click.argument("address")
@click.option("--hours", type=click.IntRange(1), help="For so long [default: until it is removed].")
@_reason
@pass_invocation
def add_block(invocation: Invocation, address: str, hours: int | None, reason: str) -> None:
    """Refuse an address, everywhere within a minute."""
    answer = invocation.client.post("/api/blocks", {"address": address, "hours": hours, "reason": reason})
    made = answer.part("block")
    until = f"until {invocation.printer.local(made['until'])}" if made.get("until") else "until it is removed"
    invocation.printer.done(answer.body, f"Blocked {made.get('address')} {until}.", name=made.get("id"))


@blocks.command("remove")
@click.argument("block_id", metavar="ID")
@removal.yes_option
@pass_invocation
def remove_block(invocation: Invocation, block_id: str, yes: bool) -> None:
    """Let an address in again."""
    removal.remove(invocation, "block", block_id, client.path("blocks", block_id), yes=yes, verb="remove")


@click.group("trusted-networks", cls=Group)
def trusted_networks() -> None:
    """Name networks that are never blocked (operators only)."""


@trusted_networks.command("list")
@pass_invocation
def list_networks(invocation: Invocation) -> None:
    """List the networks that are never blocked."""
    answer = invocation.client.get("/api/trusted-networks")
    rows = (_network(invocation, network) for network in answer.part("trusted_networks"))
    invocation.printer.listing(answer.body, _NETWORKS, rows, empty=["No network is trusted."])


@trusted_networks.command("add")
@click.argument("network")
@_reason
@pass_invocation
def add_network(invocation: Invocation, network: str, reason: str) -> None:
    """Never block this network, such as 192.0.2.0/24."""
    answer = invocation.client.post("/api/trusted-networks", {"network": network, "reason": reason})
    made = answer.part("trusted_network")
    invocation.printer.done(answer.body, f"{made.get('network')} is never blocked from now on.", name=made.get("id"))


@trusted_networks.command("remove")
@click.argument("network_id", metavar="ID")
@removal.yes_option
@pass_invocation
def remove_network(invocation: Invocation, network_id: str, yes: bool) -> None:
    """Trust a network no more."""
    path = client.path("trusted-networks", network_id)
    removal.remove(invocation, "trusted network", network_id, path, yes=yes, verb="remove")


def _block(invocation: Invocation, block: Body) -> list[Cell]:
    printer = invocation.printer
    until, since = printer.ago(block.get("until"), "removed"), printer.ago(block.get("created_at"))
    return [block.get("address"), until, block.get("reason"), block.get("id"), since, str(block.get("times_in_a_row"))]


def _network(invocation: Invocation, network: Body) -> list[Cell]:
    since = invocation.printer.ago(network.get("created_at"))
    return [network.get("network"), network.get("reason"), network.get("id"), since]
