"""Routes of blocked addresses and trusted networks, for operators."""

from datetime import UTC, datetime

from pydantic import Field

from chalicelib.api.auth import Empty
from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.domain.blocks import Block
from chalicelib.services import blocks
from chalicelib.services.blocks import Trusted

bp = ApiBlueprint(__name__)


class BlockIn(Model):
    """hours: null until somebody lifts it."""

    address: str = Field(max_length=50)
    hours: int | None = Field(ge=1, le=24 * 365)
    reason: str = Field(min_length=1, max_length=500)


class BlockOut(Model):
    """address: an IPv6 network of /64 counts as one. until: null until somebody lifts it."""

    id: str
    address: str
    reason: str
    times_in_a_row: int
    created_at: Moment
    until: Moment | None


class BlockAnswer(Model):
    block: BlockOut


class BlockList(Model):
    blocks: list[BlockOut]
    next: None = None


class TrustedIn(Model):
    network: str = Field(max_length=50)
    reason: str = Field(min_length=1, max_length=500)


class TrustedOut(Model):
    id: str
    network: str
    reason: str
    created_at: Moment


class TrustedAnswer(Model):
    trusted_network: TrustedOut


class TrustedList(Model):
    trusted_networks: list[TrustedOut]
    next: None = None


@bp.api("GET", "/api/blocks", auth="operator", returns=BlockList)
def list_blocks(ask: Ask) -> BlockList:
    """List the addresses that are blocked now, the newest first."""
    return BlockList(blocks=[_out(found) for found in blocks.list_blocks(datetime.now(UTC))])


@bp.api("POST", "/api/blocks", auth="operator", body=BlockIn, returns=BlockAnswer, status=201, audit="address.blocked")
def block_address(ask: Ask) -> BlockAnswer:
    """Block an address; it holds everywhere within a minute."""
    body: BlockIn = ask.body
    made = blocks.block(body.address, body.hours, body.reason, datetime.now(UTC))
    ask.noted["address"] = made.address
    return BlockAnswer(block=_out(made))


@bp.api("DELETE", "/api/blocks/{block_id}", auth="operator", returns=Empty, audit="address.unblocked")
def lift_block(ask: Ask, block_id: str) -> Empty:
    """Lift a block; it ends everywhere within a minute, and for an hour nothing counts against the address."""
    blocks.lift(block_id, datetime.now(UTC))
    return Empty()


@bp.api("GET", "/api/trusted-networks", auth="operator", returns=TrustedList)
def list_trusted(ask: Ask) -> TrustedList:
    """List the networks whose addresses are never blocked, without those that the configuration names."""
    return TrustedList(trusted_networks=[_trusted(found) for found in blocks.list_trusted()])


@bp.api(
    "POST",
    "/api/trusted-networks",
    auth="operator",
    body=TrustedIn,
    returns=TrustedAnswer,
    status=201,
    audit="network.trusted",
)
def trust_network(ask: Ask) -> TrustedAnswer:
    """Let a network's addresses never be blocked, such as those of a CI service."""
    made = blocks.trust(ask.body.network, ask.body.reason, datetime.now(UTC))
    ask.noted["network"] = made.network
    return TrustedAnswer(trusted_network=_trusted(made))


@bp.api("DELETE", "/api/trusted-networks/{network_id}", auth="operator", returns=Empty, audit="network.distrusted")
def distrust_network(ask: Ask, network_id: str) -> Empty:
    """Trust a network no more."""
    blocks.distrust(network_id)
    return Empty()


def _out(block: Block) -> BlockOut:
    return BlockOut(
        id=block.block_id,
        address=block.address,
        reason=block.because,
        times_in_a_row=block.level,
        created_at=block.created_at,
        until=block.until,
    )


def _trusted(found: Trusted) -> TrustedOut:
    return TrustedOut(id=found.network_id, network=found.network, reason=found.because, created_at=found.created_at)
