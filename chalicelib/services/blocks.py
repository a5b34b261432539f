"""Blocked addresses: refused before anything else is done for them.

A warm function keeps the whole list and reads it anew once a minute: a request costs nothing, whether or not it is refused,
and a new block holds everywhere within that minute, in the function that made it at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from chalicelib import config
from chalicelib.domain import blocks as rules
from chalicelib.domain.blocks import Block
from chalicelib.domain.errors import Conflict, CrontopusError, Invalid, NotFound, Unavailable
from chalicelib.logs import log
from chalicelib.services.rate_limits import Limiter
from chalicelib.store import blocks as block_store
from chalicelib.store import counters as counter_store

READ_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Trusted:
    """A network whose addresses are never blocked. because: for people."""

    network: str
    because: str
    created_at: datetime

    @property
    def network_id(self) -> str:
        return rules.id_of(self.network)


class Gate:
    """Lets requests in or not, for one process. networks: trusted by configuration. limiter: counts violations."""

    def __init__(self, networks: Sequence[str], limiter: Limiter, read: Callable[[], "Lists"]) -> None:
        self._networks = networks
        self._limiter = limiter
        self._read = read
        self._lists = Lists({}, ())
        self._fresh_until = datetime.min.replace(tzinfo=UTC)

    def refuse_blocked(self, address: str, now: datetime) -> None:
        """Raise TooManyRequests if the address is blocked. While the list cannot be read, the one before counts."""
        if rules.is_within(address, self._networks):
            return
        self._refresh(now)
        block = self._lists.blocks.get(address)
        if block and block.is_in_force(now) and not rules.is_within(address, self._lists.trusted):
            raise rules.refusal(block, now)

    def note(self, address: str, error: CrontopusError, now: datetime) -> None:
        """Count a refused request against its address, and block that if it was one too many."""
        if not rules.is_violation(error) or rules.is_within(address, (*self._networks, *self._lists.trusted)):
            return
        known = self._lists.blocks.get(address)
        if known and known.is_pardoned(now):
            return
        try:
            if self._limiter.count(rules.VIOLATIONS, address, now).is_over:
                self._block(address, now)
        except Unavailable:
            log.warning("violation not counted", extra={"address": address})

    def _block(self, address: str, now: datetime) -> None:
        before = block_store.find(address)
        if before is None or not (before.is_in_force(now) or before.is_pardoned(now)):
            made = rules.next_block(address, before, now)
            if not block_store.put(made, before):
                return
            log.warning("address blocked", extra={"address": address, "level": made.level, "until": made.until})
            before = made
        self._lists.blocks[address] = before

    def _refresh(self, now: datetime) -> None:
        if now < self._fresh_until:
            return
        self._fresh_until = now + READ_EVERY
        try:
            self._lists = self._read()
        except Unavailable:
            log.warning("blocks not read", extra={"kept": len(self._lists.blocks)})


@dataclass(slots=True)
class Lists:
    """blocks: by address, those that have ended too. trusted: networks, by operators."""

    blocks: dict[str, Block]
    trusted: tuple[str, ...]


@cache
def gate() -> Gate:
    """Return the one gate of this process."""
    return Gate(config.trusted_networks(), Limiter(counter_store.add, config.rate_limit_factor()), _read)


def _read() -> Lists:
    trusted = tuple(network for network, _, _ in block_store.list_trusted())
    return Lists({block.address: block for block in block_store.list_all()}, trusted)


def list_blocks(now: datetime) -> list[Block]:
    """Return the blocks in force, the newest first."""
    found = [block for block in block_store.list_all() if block.is_in_force(now)]
    return sorted(found, key=lambda block: block.created_at, reverse=True)


def block(text: str, hours: int | None, because: str, now: datetime) -> Block:
    """Block an address, None hours means until it is lifted, and return the block. Raise Invalid for what is no address."""
    if rules.network_problem(text) or "/" in text:
        raise Invalid.of({"address": "is no address; write 192.0.2.7 or 2001:db8::1"})
    address = rules.counted(text)
    before = block_store.find(address)
    made = Block(address, 1, because, now, now + timedelta(hours=hours) if hours else None)
    if not block_store.put(made, before):
        raise Conflict("this address was blocked or lifted at the same moment; look, then try again")
    return made


def lift(block_id: str, now: datetime) -> None:
    """Lift a block; for an hour nothing counts against the address. Raise NotFound, or Conflict if it changed meanwhile."""
    before = block_store.find_by_id(block_id)
    if before is None or not before.is_in_force(now):
        raise NotFound(f"no block {block_id!r} in force")
    if not block_store.put(replace(before, pardoned_until=now + rules.PARDON), before):
        raise Conflict("this block was changed at the same moment; look, then try again")


def list_trusted() -> list[Trusted]:
    """Return the networks that operators trust, without those that the configuration names."""
    return [Trusted(*found) for found in block_store.list_trusted()]


def trust(text: str, because: str, now: datetime) -> Trusted:
    """Let a network's addresses never be blocked, and return it. Raise Invalid for what is no network."""
    if problem := rules.network_problem(text):
        raise Invalid.of({"network": problem})
    made = Trusted(rules.counted(text), because, now)
    block_store.trust(made.network, because, now)
    return made


def distrust(network_id: str) -> None:
    """Trust a network no more. Raise NotFound."""
    if not block_store.distrust(network_id):
        raise NotFound(f"no trusted network {network_id!r}")
