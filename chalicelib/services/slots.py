"""The ledger of slots: what was expected of a job, and what came of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain import slots
from chalicelib.domain.instances import Instance
from chalicelib.domain.slots import EARLY, Expectation, Slot
from chalicelib.services.sessions import Caller
from chalicelib.store import instances as instance_store
from chalicelib.store import runs as run_store
from chalicelib.store import slots as slot_store


@dataclass(frozen=True, slots=True)
class Entry:
    """One slot of one instance."""

    endpoint_id: str
    slot: Slot


@dataclass(frozen=True, slots=True)
class Ledger:
    """entries: newest first. expected: by endpoint, what is expected there now."""

    entries: tuple[Entry, ...]
    expected: Mapping[str, Expectation]


def of_job(caller: Caller, job_id: str, since: datetime, now: datetime, endpoint_id: str | None = None) -> Ledger:
    """Return the slots of a job since a moment: one Query of its runs, one of what was noted, and those of its instances.

    endpoint_id: only on this machine.
    """
    instances = [one for one in instance_store.list_of_job(caller.tenant_id, job_id) if endpoint_id in (None, one.endpoint_id)]
    expected = {one.endpoint_id: one.reported.expected for one in instances if one.reported and one.reported.expected}
    runs = list(run_store.list_of_span(caller.tenant_id, job_id, since - EARLY, now))
    noted: dict[str, dict[datetime, Slot]] = {}
    for one in slot_store.list_of_job(caller.tenant_id, job_id, since, now, now):
        noted.setdefault(one.endpoint_id, {})[one.slot.at] = one.slot
    found: list[Entry] = []
    for instance in instances:
        of_it = slots.seen_of(run for run in runs if run.endpoint_id == instance.endpoint_id)
        kept = noted.get(instance.endpoint_id, {})
        found += _entries(instance, slots.ledger(_expectation(instance, now), since, now, of_it, kept))
    return Ledger(tuple(sorted(found, key=lambda one: (one.slot.at, one.endpoint_id), reverse=True)), expected)


def _entries(instance: Instance, found: Iterable[Slot]) -> list[Entry]:
    return [Entry(instance.endpoint_id, slot) for slot in found]


def _expectation(instance: Instance, now: datetime) -> Expectation:
    """Return what is expected of an instance; of one that is paused or not reported nothing."""
    known = instance.reported.expected if instance.reported else None
    return known or Expectation(None, "UTC", slots.LOOK_AGAIN, now)
