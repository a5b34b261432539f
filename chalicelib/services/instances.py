"""Instances: what agents report about the jobs on their machines, and how each job stands where."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain import windows
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import Conflict
from chalicelib.domain.instances import PING_ENDPOINT, Instance, InstanceStatus, Reported
from chalicelib.domain.tallies import Tally, total
from chalicelib.services import alerting, endpoints, sweep
from chalicelib.services.counting import each
from chalicelib.services.removals import remove
from chalicelib.services.sessions import Caller
from chalicelib.store import endpoints as endpoint_store
from chalicelib.store import instances as instance_store


@dataclass(frozen=True, slots=True)
class Told:
    """One job as an agent tells of it."""

    job_id: str
    job_name: str
    namespace: str
    reported: Reported


@dataclass(frozen=True, slots=True)
class Taken:
    """What a report has changed."""

    created: int
    changed: int
    removed: int


@dataclass(frozen=True, slots=True)
class InstanceFilter:
    """Which instances. job: part of the name; the others are exact. None takes all."""

    namespace: str | None = None
    job: str | None = None
    status: InstanceStatus | None = None

    def takes(self, instance: Instance) -> bool:
        return (
            self.namespace in (None, instance.namespace)
            and (self.job is None or self.job.lower() in instance.job_name.lower())
            and self.status in (None, instance.status)
        )


@dataclass(frozen=True, slots=True)
class Placed:
    """An instance and its machine. endpoint: None for runs that come by ping URL."""

    instance: Instance
    endpoint: Endpoint | None

    @property
    def seen_at(self) -> datetime | None:
        """When its agent last stood by what it says: each heartbeat does, as long as it asks for no other report."""
        if self.instance.reported is None:
            return None
        beat_at = self.endpoint.last_heartbeat_at if self.endpoint else None
        return max(self.instance.reported.seen_at, beat_at or self.instance.reported.seen_at)


def take_report(caller: Caller, endpoint_id: str, told: Sequence[Told], digest: str, now: datetime) -> Taken:
    """Make the endpoint's instances what its agent reports, all of them: what it does not name is removed.

    What was there is read first: nothing that this very report brings can be taken for stale. Only what differs is written.
    Raise Forbidden if the token is another endpoint's.
    """
    endpoints.refuse_other(caller, endpoint_id)
    before = {instance.job_id: instance for instance in instance_store.list_of_endpoint(caller.tenant_id, endpoint_id)}
    new = [one for one in told if one.job_id not in before]
    different = [one for one in told if one.job_id in before and _differs(before[one.job_id], one)]
    each(lambda one: _write(Instance(caller.tenant_id, endpoint_id, one.job_id, one.job_name, one.namespace), one), new)
    each(lambda one: _write(before[one.job_id], one), different)
    stale = [before[job_id] for job_id in before.keys() - {one.job_id for one in told}]
    # Before they go: an instance that has gone cannot say any more that something is open about it.
    for instance in stale:
        _calm(instance, now, "the job is not on this endpoint any more")
    for one in different:
        if one.reported.status == "paused":
            _calm(before[one.job_id], now, "the job was paused")
    removed = sum(each(remove, stale))
    endpoint_store.note_instances(caller.tenant_id, endpoint_id, digest)
    return Taken(len(new), len(different), removed)


def _calm(instance: Instance, now: datetime, words: str) -> None:
    """End what is open about an instance of which nothing is expected any more."""
    if instance.alarms:
        alerting.close(instance.tenant_id, instance.endpoint_id, instance.job_id, now, words)


def _differs(known: Instance, told: Told) -> bool:
    if known.reported is None or (known.job_name, known.namespace) != (told.job_name, told.namespace):
        return True
    return replace(known.reported, seen_at=told.reported.seen_at) != _dated(known.reported, told.reported)


def _dated(known: Reported | None, told: Reported) -> Reported:
    """Return what is told, with what is expected from when it was told first."""
    if known is None or known.expected is None or told.expected is None:
        return told
    is_same = replace(known.expected, since=told.expected.since) == told.expected
    return replace(told, expected=known.expected) if is_same else told


def _write(instance: Instance, told: Told) -> None:
    reported = _dated(instance.reported, told.reported)
    named = replace(instance, job_name=told.job_name, namespace=told.namespace, reported=reported)
    # The ticket first: one for what was not written down means nothing, but what is written down must be looked at.
    if reported.expected and (instance.reported is None or reported.expected != instance.reported.expected):
        sweep.arm(named, reported.seen_at)
    # A later report of the same endpoint was faster: it is the truth.
    with suppress(Conflict):
        instance_store.save_reported(named)


def list_of_endpoint(caller: Caller, endpoint_id: str, wanted: InstanceFilter) -> list[Placed]:
    """Return how the jobs stand on one machine, by namespace and name. Raise NotFound if the tenant has no such endpoint."""
    endpoint = endpoints.load(caller, endpoint_id)
    found = instance_store.list_of_endpoint(caller.tenant_id, endpoint_id)
    return _sorted(Placed(instance, endpoint) for instance in found if wanted.takes(instance))


def list_of_job(caller: Caller, job_id: str) -> list[Placed]:
    """Return how one job stands on each machine that has it, by the machine's name."""
    found = instance_store.list_of_job(caller.tenant_id, job_id)
    machines = _by_id(caller) if found else {}
    placed = [Placed(instance, machines.get(instance.endpoint_id)) for instance in found]
    return sorted(placed, key=lambda one: (one.endpoint.facts.name if one.endpoint else "", one.instance.endpoint_id))


def last_24_hours(placed: Iterable[Placed], now: datetime) -> Tally:
    """Return how often these ran in the hour of `now` and the 24 before it, from what was read already."""
    hour = windows.of_24_hours(now).hour
    return total(one.instance.hours.since(hour) for one in placed) if hour is not None else Tally()


def list_all(caller: Caller, wanted: InstanceFilter, endpoint_id: str | None = None) -> list[Placed]:
    """Return how all jobs stand on all machines, or on one: one Query for each machine."""
    machines = _by_id(caller)
    asked = [endpoint_id] if endpoint_id else [*machines, PING_ENDPOINT]

    def read(endpoint_id: str) -> list[Placed]:
        found = instance_store.list_of_endpoint(caller.tenant_id, endpoint_id)
        return [Placed(instance, machines.get(endpoint_id)) for instance in found if wanted.takes(instance)]

    return _sorted(one for some in each(read, asked) for one in some)


def _by_id(caller: Caller) -> dict[str, Endpoint]:
    return {endpoint.endpoint_id: endpoint for endpoint in endpoint_store.list_of_tenant(caller.tenant_id)}


def _sorted(placed: Iterable[Placed]) -> list[Placed]:
    return sorted(placed, key=lambda one: (one.instance.namespace, one.instance.job_name, one.instance.endpoint_id))
