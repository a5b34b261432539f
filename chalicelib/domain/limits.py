"""Limits: what one request may hold, and how many of them one caller may send.

The table below is the only place with numbers: counters, headers, API Gateway's throttling and docs/limits.md come from it.
"""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Literal

from chalicelib.domain.errors import TooLarge, TooManyRequests

MAX_BODY_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Limit:
    """How many requests one caller may send in one window; windows begin at whole multiples of their length.

    name: routes with the same name share one count. is_exact: every request is counted in the table before it is served;
    otherwise a warm function counts by itself and tells the table each tenth part of the limit.
    refuses_blind: what happens while the table does not answer. ceiling_per_s: for all callers together, by API Gateway.
    """

    name: str
    per: Literal["user", "endpoint", "token", "address", "path"]
    times: int
    window_s: int
    ceiling_per_s: int
    is_exact: bool = True
    refuses_blind: bool = False


MINUTE, HOUR = 60, 3600
LOGIN = Limit("login", "address", 5, MINUTE, ceiling_per_s=10, refuses_blind=True)
REGISTER = Limit("register", "address", 3, HOUR, ceiling_per_s=5, refuses_blind=True)
LINKS = Limit("links", "address", 10, HOUR, ceiling_per_s=10, refuses_blind=True)
PASSWORD = Limit("password", "user", 5, MINUTE, ceiling_per_s=10, refuses_blind=True)
DEVICE = Limit("device", "address", 10, MINUTE, ceiling_per_s=10, refuses_blind=True)
# Twelve questions a minute for each login under way, from offices behind one address too.
DEVICE_POLL = Limit("device-poll", "address", 120, MINUTE, ceiling_per_s=100, is_exact=False)
# User codes are short: this is what keeps them from being guessed.
DEVICE_CODE = Limit("device-code", "user", 5, MINUTE, ceiling_per_s=10, refuses_blind=True)
# Three requests for each login, from offices behind one address too; nothing about it can be guessed.
SSO = Limit("sso", "address", 60, MINUTE, ceiling_per_s=50)
ENROLL = Limit("enroll", "token", 20, HOUR, ceiling_per_s=10, refuses_blind=True)
ROTATE = Limit("rotate", "endpoint", 10, HOUR, ceiling_per_s=50)
CHECK_IN = Limit("check-in", "endpoint", 100, MINUTE, ceiling_per_s=500, is_exact=False)
AGENT = Limit("agent", "endpoint", 60, MINUTE, ceiling_per_s=500, is_exact=False)
JOB_WRITES = Limit("job-writes", "user", 30, MINUTE, ceiling_per_s=50)
READS = Limit("reads", "user", 60, MINUTE, ceiling_per_s=500)
WRITES = Limit("writes", "user", 60, MINUTE, ceiling_per_s=500)
# Counted for each check: many machines behind one address ping at the full minute.
PING = Limit("ping", "path", 60, MINUTE, ceiling_per_s=500, is_exact=False)
# All tenants' webhooks come from the one address of the forge, signed.
WEBHOOKS = Limit("webhooks", "address", 600, MINUTE, ceiling_per_s=500, is_exact=False)
ANONYMOUS = Limit("anonymous", "address", 10, MINUTE, ceiling_per_s=500)

TABLE = (
    LOGIN,
    REGISTER,
    LINKS,
    PASSWORD,
    DEVICE,
    DEVICE_POLL,
    DEVICE_CODE,
    SSO,
    ENROLL,
    ROTATE,
    CHECK_IN,
    AGENT,
    JOB_WRITES,
    READS,
    WRITES,
    PING,
    WEBHOOKS,
    ANONYMOUS,
)
# What API Gateway lets through for routes without a limit.
CEILING_PER_S = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands with a limit after this request. times: as it is in this deployment. resets_at_s: Unix time."""

    limit: Limit
    times: int
    remaining: int
    resets_at_s: int
    is_over: bool

    def wait_s(self, now_s: float) -> int:
        """Return the whole seconds until the window ends, at least 1."""
        return max(1, -int((now_s - self.resets_at_s) // 1))


def refuse_over(standing: Standing, now_s: float) -> None:
    """Raise TooManyRequests if this request is one too many."""
    if standing.is_over:
        wait_s = standing.wait_s(now_s)
        message = f"at most {standing.times} requests in {standing.limit.window_s} s here; try again in {wait_s} s"
        raise TooManyRequests(message, retry_after_s=wait_s)


def address_key(address: str) -> str:
    """Return what an address is counted as: an IPv6 network of /64 belongs to one caller, who may use all of it."""
    parsed = ip_address(address)
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else str(parsed)


def refuse_large_body(size_bytes: int) -> None:
    """Raise TooLarge if a request's body is over the limit."""
    if size_bytes > MAX_BODY_BYTES:
        raise TooLarge(f"the body has {size_bytes} bytes; at most {MAX_BODY_BYTES} are read")
