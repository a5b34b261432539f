"""Which statuses a route can answer with, from its own declaration."""

from typing import TYPE_CHECKING

from chalicelib.api.idempotency import takes_key

if TYPE_CHECKING:
    from chalicelib.api.blueprint import RouteSpec

# What the gateway may say in place of any route, see infra/gateway_responses.py.
GATEWAY = frozenset({413, 429, 500, 503, 504})

_WORDS = {
    400: "cannot be read",
    401: "no credential in force",
    403: "not with this credential",
    404: "not found",
    409: "in another state than expected",
    410: "this endpoint has been deleted",
    413: "too large",
    415: "wrong content type",
    422: "a field breaks a rule",
    429: "too many requests",
    500: "our mistake",
    503: "something behind us is down; see Retry-After",
}


def successes(spec: "RouteSpec") -> set[int]:
    """Return the statuses of success."""
    return {spec.status, *(status for status in spec.also if status < 400)}


def refusals(spec: "RouteSpec") -> dict[int, str]:
    """Return the statuses of failure, each with what it means."""
    found = {500, 503, *(status for status in spec.also if status >= 400)}
    has_path = "{" in spec.path
    writes = spec.method not in ("GET", "HEAD")
    if spec.auth == "public":
        # A link that was opened too often or too late, an account that is closed: its own words say which.
        found |= {401, 403, 404, 409} if writes and not spec.also else set()
    elif spec.auth == "ping":
        found |= {400, 404, 409}
    else:
        found |= {401} | ({403} if spec.auth != "webhook" else set())
    if spec.auth in ("user", "enroll", "endpoint", "operator"):
        found |= {409} if writes and (spec.body or has_path) else set()
    found |= {404} if has_path else set()
    found |= {410} if spec.auth == "endpoint" else set()
    found |= {400, 415, 422} if spec.body else set()
    found |= {409, 422} if takes_key(spec) else set()
    found |= {422} if spec.query else set()
    found |= {429} if spec.limit else set()
    found |= {413} if spec.auth != "ping" else set()
    if spec.dialect != "crontopus":
        # Both standards say 400 for what cannot be used; of our keys they know nothing.
        found |= {400} if 422 in found else set()
        found -= set() if takes_key(spec) else {422}
    return {status: _WORDS.get(status, "refused") for status in sorted(found)}
