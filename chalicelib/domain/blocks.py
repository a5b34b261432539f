"""Blocked addresses: when one is blocked, and for how long."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address, ip_network

from chalicelib.domain.errors import CrontopusError, TooManyRequests, Unauthenticated
from chalicelib.domain.limits import HOUR, Limit, address_key

# Refused requests of one address, that is 401 and 429, before it is blocked. Not of a route, so it is in no table of limits.
VIOLATIONS = Limit("violations", "address", 200, HOUR, ceiling_per_s=0, is_exact=False)
# The first time, the second, and from then on; None is until an operator lifts it.
LENGTHS: tuple[timedelta | None, ...] = (timedelta(hours=1), timedelta(hours=24), None)
# Who has behaved for so long since the last block starts with a short one again.
FORGOTTEN_AFTER = timedelta(days=30)
# What an operator has lifted does not come back at once because the hour's violations are still counted.
PARDON = timedelta(hours=1)
# Credentials that were good until a moment ago: whoever comes with one guesses nothing.
_BENIGN = frozenset({"token_expired", "endpoint_revoked", "address_blocked"})


@dataclass(frozen=True, slots=True)
class Block:
    """An address that was blocked. level: how often in a row. until: None means until an operator lifts it.

    because: for people. pardoned_until: violations do not count before that.
    """

    address: str
    level: int
    because: str
    created_at: datetime
    until: datetime | None
    pardoned_until: datetime | None = None

    @property
    def block_id(self) -> str:
        return id_of(self.address)

    def is_in_force(self, now: datetime) -> bool:
        return self.pardoned_until is None and (self.until is None or now < self.until)

    def is_pardoned(self, now: datetime) -> bool:
        return self.pardoned_until is not None and now < self.pardoned_until


def id_of(address: str) -> str:
    """Return the id of an address's block: addresses have slashes and colons, which no path takes well."""
    return "bl-" + hashlib.sha256(address.encode()).hexdigest()[:16]


def next_block(address: str, before: Block | None, now: datetime) -> Block:
    """Return the block of an address that has gone too far once more."""
    is_recent = before is not None and before.until is not None and now - before.until < FORGOTTEN_AFTER
    is_forgiven = before is not None and before.pardoned_until is not None
    level = min(before.level + 1, len(LENGTHS)) if before and is_recent and not is_forgiven else 1
    length = LENGTHS[level - 1]
    return Block(address, level, f"{VIOLATIONS.times} refused requests within an hour", now, now + length if length else None)


def is_violation(error: CrontopusError) -> bool:
    """Tell whether a refused request counts against its address."""
    return isinstance(error, Unauthenticated | TooManyRequests) and error.code not in _BENIGN


def refusal(block: Block, now: datetime) -> TooManyRequests:
    """Return what a blocked address is answered."""
    if block.until is None:
        words = "this address is blocked; ask the operator"
        return TooManyRequests(words, retry_after_s=24 * HOUR, code="address_blocked")
    wait_s = max(1, -int(-(block.until - now).total_seconds() // 1))
    words = f"this address is blocked for {wait_s} s: too many of its requests were refused"
    return TooManyRequests(words, retry_after_s=wait_s, code="address_blocked")


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Tell whether an address, or a network that is counted as one, lies within one of these networks."""
    return any(_is_inside(address, network) for network in networks)


@lru_cache(maxsize=4096)
def _is_inside(address: str, network: str) -> bool:
    outer, inner = ip_network(network, strict=False), ip_network(address, strict=False)
    first, last = int(outer.network_address), int(outer.broadcast_address)
    return outer.version == inner.version and first <= int(inner.network_address) <= last


def network_problem(text: str) -> str | None:
    """Return why this is no address or network, or None."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return "is no address and no network; write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32"
    return None


def counted(text: str) -> str:
    """Return what an address that a person writes is counted as; a network stays one."""
    return str(ip_network(text, strict=False)) if "/" in text else address_key(str(ip_address(text)))
