"""Incidents as people see them and what they say about them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain import incidents
from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.domain.incidents import Incident
from chalicelib.services.sessions import Caller
from chalicelib.store import incidents as incident_store

MAX_SNOOZE = timedelta(days=30)
# A signal of the same moment may be faster.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Page:
    """next: what the following page begins before, None for the last."""

    incidents: tuple[Incident, ...]
    next: str | None


def list_open(caller: Caller) -> Page:
    """Return the open incidents, the gravest first, then the newest."""
    order = ("critical", "warning", "info")
    found = sorted(incident_store.list_open(caller.tenant_id), key=lambda one: order.index(one.severity))
    return Page(tuple(found), None)


def page(caller: Caller, before: str | None, limit: int) -> Page:
    """Return open and ended incidents, the newest first."""
    found = incident_store.page(caller.tenant_id, before, limit)
    return Page(tuple(found), found[-1].incident_id if len(found) == limit else None)


def load(caller: Caller, incident_id: str) -> Incident:
    """Return an incident of the caller's tenant. Raise NotFound."""
    found = incident_store.find(caller.tenant_id, incident_id)
    if found is None:
        raise NotFound(f"no incident {incident_id!r}; see `crontopus incidents list`")
    return found


def acknowledge(caller: Caller, incident_id: str, now: datetime) -> Incident:
    """Return the incident as the caller's: nobody is reminded of it any more. Raise NotFound, Conflict if it has ended."""
    return _change(caller, incident_id, lambda one: incidents.acknowledged(one, now, caller.name))


def snooze(caller: Caller, incident_id: str, span: timedelta, now: datetime) -> Incident:
    """Return the incident as silent for a while. Raise NotFound, Conflict if it has ended."""
    return _change(caller, incident_id, lambda one: incidents.snoozed(one, now, now + span, caller.name))


def resolve(caller: Caller, incident_id: str, now: datetime) -> Incident:
    """Return the incident as ended by hand; the next bad sign opens another. Raise NotFound, Conflict if it has ended."""
    return _change(caller, incident_id, lambda one: incidents.resolved(one, now, "resolved by hand", caller.name))


def _change(caller: Caller, incident_id: str, act: Callable[[Incident], Incident]) -> Incident:
    for left in reversed(range(_TRIES)):
        known = load(caller, incident_id)
        if not known.is_open:
            raise Conflict(f"incident {incident_id} has ended already", code="incident_resolved")
        after = act(known)
        if after == known:
            return known
        try:
            return incident_store.save(known, after)
        except Conflict:
            if not left:
                raise
    raise AssertionError("the last try returns or raises")
