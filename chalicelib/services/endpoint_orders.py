"""What people want of an agent: carry out held removals, write nothing, go on. It rides on the answer to a heartbeat."""

from datetime import datetime, timedelta

from chalicelib.domain.endpoints import Approval, Endpoint
from chalicelib.domain.errors import Conflict, Invalid
from chalicelib.services import endpoints
from chalicelib.services.sessions import Caller
from chalicelib.store import endpoints as endpoint_store

MAX_SUSPENSION = timedelta(days=366)


def approve_removals(caller: Caller, endpoint_id: str, head: str, digest: str | None) -> Endpoint:
    """Approve what an endpoint holds back under this commit, once more if need be, and return the endpoint.

    digest: of the jobs the caller has seen, None for whatever is held under that commit.
    Raise NotFound, or Conflict if nothing is held there, or something else by now.
    """
    endpoint = endpoints.load(caller, endpoint_id)
    if endpoint.held is None:
        raise Conflict(f"endpoint {endpoint_id} holds no removals back; it may have carried them out")
    if endpoint.held.head != head:
        raise Conflict(f"endpoint {endpoint_id} is at commit {endpoint.held.head} by now; look again, then approve that")
    if digest not in (None, endpoint.held.digest):
        raise Conflict(f"endpoint {endpoint_id} holds other jobs back by now; look again, then approve those")
    approved = endpoint_store.approve(caller.tenant_id, endpoint_id, Approval(head, endpoint.held.digest))
    if approved is None:
        raise Conflict(f"what endpoint {endpoint_id} holds back changed this moment; look again")
    return approved


def suspend(caller: Caller, endpoint_id: str, until: datetime | None, now: datetime) -> Endpoint:
    """Let an endpoint's agent write nothing until then, None until it is resumed, and return the endpoint.

    One that is suspended already stays so since when it was. Raise NotFound, or Invalid for a moment that is past.
    """
    if until is not None and not now < until <= now + MAX_SUSPENSION:
        raise Invalid.of({"until": f"must be a moment to come, {MAX_SUSPENSION.days} days ahead at most"})
    endpoint = endpoints.load(caller, endpoint_id)
    since = endpoint.suspended_since if endpoint.is_suspended(now) else now
    return endpoint_store.suspend(caller.tenant_id, endpoint_id, since, until)


def resume(caller: Caller, endpoint_id: str) -> Endpoint:
    """Let an endpoint's agent go on and return the endpoint; one that is not suspended stays as it is. Raise NotFound."""
    endpoint = endpoints.load(caller, endpoint_id)
    return endpoint_store.suspend(caller.tenant_id, endpoint_id, None, None) if endpoint.suspended_since else endpoint
