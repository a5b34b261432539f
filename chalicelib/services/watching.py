"""Whether endpoints are still there: silence opens an incident, the next heartbeat ends it."""

from datetime import datetime

from chalicelib.domain.alert_rules import Signal, Subject
from chalicelib.domain.due import ENDPOINT, MINUTE, Ticket, due_minute
from chalicelib.domain.endpoints import HEARTBEAT_GRACE, Endpoint
from chalicelib.domain.slots import Window
from chalicelib.services import alerting
from chalicelib.services.alerting import Random
from chalicelib.store import due as due_store
from chalicelib.store import endpoints as endpoint_store


def heard(endpoint: Endpoint, now: datetime) -> None:
    """Have somebody look soon, unless somebody will: costs after the first heartbeat, and whenever it was offline."""
    if endpoint.is_watched:
        return
    due_at = due_minute(now + HEARTBEAT_GRACE, now)
    due_store.put(Ticket(endpoint.tenant_id, endpoint.endpoint_id, ENDPOINT, due_at, now, ""))
    back = Signal("offline", subject_of(endpoint), now, good_in_row=1, why="it is heard of again")
    # A good sign opens nothing, so chance has nothing to name.
    alerting.take([back], now, bytes)
    # Last: what breaks off before is done again by the next heartbeat.
    endpoint_store.set_watched(endpoint.tenant_id, endpoint.endpoint_id, is_on=True)


def look(ticket: Ticket, endpoint: Endpoint | None, outages: tuple[Window, ...], now: datetime, random: Random) -> str:
    """Look whether an endpoint is still there and return what was found: alive, offline, or gone."""
    if endpoint is None or endpoint.is_revoked or endpoint.last_heartbeat_at is None:
        return "gone"
    # Where nobody swept, nobody may have taken heartbeats either.
    ends = [window.until for window in outages if window.until]
    silent_at = max([endpoint.last_heartbeat_at, *ends]) + HEARTBEAT_GRACE
    if now <= silent_at:
        due_at = due_minute(silent_at, now, lead=MINUTE)
        due_store.put(Ticket(ticket.tenant_id, ticket.endpoint_id, ENDPOINT, due_at, endpoint.last_heartbeat_at, ""))
        return "alive"
    words = f"nothing heard since {endpoint.last_heartbeat_at:%Y-%m-%d %H:%M:%S} UTC"
    alerting.take([Signal("offline", subject_of(endpoint), silent_at, bad_in_row=1, why=words)], now, random)
    endpoint_store.set_watched(ticket.tenant_id, ticket.endpoint_id, is_on=False)
    return "offline"


def subject_of(endpoint: Endpoint) -> Subject:
    """Return what an alert about an endpoint is about."""
    return Subject(
        tenant_id=endpoint.tenant_id,
        endpoint_id=endpoint.endpoint_id,
        endpoint_name=endpoint.facts.name,
        labels=endpoint.labels,
    )
