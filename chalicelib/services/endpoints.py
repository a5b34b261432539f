"""Endpoints: what they say, and how they stand."""

from datetime import datetime

from chalicelib.domain.endpoints import Endpoint, Heartbeat
from chalicelib.domain.errors import Forbidden
from chalicelib.services.sessions import Caller
from chalicelib.store import endpoints as endpoint_store


def list_endpoints(caller: Caller) -> list[Endpoint]:
    """Return the tenant's endpoints, the one heard of last first."""
    found = endpoint_store.list_of_tenant(caller.tenant_id)
    return sorted(found, key=lambda endpoint: endpoint.last_heartbeat_at or endpoint.enrolled_at, reverse=True)


def beat(caller: Caller, endpoint_id: str, heartbeat: Heartbeat, now: datetime) -> None:
    """Write a heartbeat down. Raise Forbidden if the token is another endpoint's, NotFound if this one was deleted."""
    refuse_other(caller, endpoint_id)
    endpoint_store.record_heartbeat(caller.tenant_id, endpoint_id, heartbeat, now)


def refuse_other(caller: Caller, endpoint_id: str) -> None:
    """Raise Forbidden unless the caller is this very endpoint."""
    if caller.name != endpoint_id:
        raise Forbidden(f"this token belongs to another endpoint than {endpoint_id!r}")
