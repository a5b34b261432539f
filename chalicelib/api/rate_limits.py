"""Which limit holds for a route, and who is counted."""

from datetime import UTC, datetime

from chalice.app import Request

from chalicelib.api.callers import Auth
from chalicelib.domain import ids, limits, tokens
from chalicelib.domain.limits import Limit, Standing
from chalicelib.services.rate_limits import limiter
from chalicelib.services.sessions import Caller

# Of routes that name no limit of their own.
READS: dict[str, Limit] = {
    "user": limits.READS,
    "endpoint": limits.AGENT,
    "enroll": limits.ENROLL,
    "ping": limits.PING,
    "webhook": limits.WEBHOOKS,
    "operator": limits.READS,
    "public": limits.ANONYMOUS,
}
WRITES = READS | {"user": limits.WRITES, "operator": limits.WRITES}


def default(method: str, auth: Auth) -> Limit:
    """Return the limit of a route that names none."""
    return (READS if method == "GET" else WRITES)[auth]


def count(limit: Limit | None, caller: Caller | None, request: Request, told: dict[str, str]) -> None:
    """Count a request. told: gets the headers that say how its sender stands, whether or not it is refused.

    Raise TooManyRequests if it is one too many.
    """
    if limit:
        now = datetime.now(UTC)
        standing = limiter().count(limit, who(limit, caller, request), now)
        told |= headers(standing, now.timestamp())
        limits.refuse_over(standing, now.timestamp())


def who(limit: Limit, caller: Caller | None, request: Request) -> str:
    """Return whom a request is counted for: user or token, endpoint, address, in this order.

    The address is the one that API Gateway saw. X-Forwarded-For says whatever its sender likes and is not read.
    """
    if limit.per == "path":
        return path_of(request)
    if caller is None or limit.per == "address":
        return address_of(request)
    if caller.kind == "enroll" and caller.credential:
        return f"{caller.tenant_id}:{caller.credential.token_id}"
    return f"{caller.tenant_id}:{caller.kind}:{caller.name}"


def source_of(request: Request) -> str:
    """Return the address that API Gateway saw."""
    return str(request.context["identity"]["sourceIp"])


def address_of(request: Request) -> str:
    """Return what that address is counted as."""
    return limits.address_key(source_of(request))


def path_of(request: Request) -> str:
    """Return what names the check in a ping's path. It is a secret, so that its digest stands for it."""
    parts = [request.uri_params[name] for name in ("first", "second") if name in request.uri_params]
    return tokens.digest(parts[0] if ids.is_uuid(parts[0].lower(), 4) else "/".join(parts))


def headers(standing: Standing, now_s: float) -> dict[str, str]:
    """Return what tells a caller how it stands: X-RateLimit-Reset as Unix time, RateLimit-Reset in seconds from now."""
    times, remaining = str(standing.times), str(standing.remaining)
    return {
        "X-RateLimit-Limit": times,
        "X-RateLimit-Remaining": remaining,
        "X-RateLimit-Reset": str(standing.resets_at_s),
        "RateLimit-Limit": times,
        "RateLimit-Remaining": remaining,
        "RateLimit-Reset": str(standing.wait_s(now_s)),
    }
