"""The instances table: the state of one job on one endpoint, under a kilobyte.

Two write it, each its own attributes: agents what they report, the projector what it derives from runs.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.domain import times
from chalicelib.domain.errors import Conflict
from chalicelib.domain.instances import Instance, LastRun, Reported
from chalicelib.domain.recent import Recent
from chalicelib.domain.runs import RunStatus
from chalicelib.domain.slots import Expectation
from chalicelib.domain.tallies import Hours, Tally
from chalicelib.store.tables import (
    MomentAttribute,
    Table,
    WholeNumber,
    is_condition_failure,
    read_partition,
    store_errors,
    suppress_condition_failure,
    table_name,
)


class JobIndex(GlobalSecondaryIndex["InstanceItem"]):
    """Which endpoints have a job. Both keys are the table's own, so no write ever changes an entry."""

    class Meta:
        index_name = "job"
        projection = KeysOnlyProjection()

    job_id = UnicodeAttribute(hash_key=True)
    endpoint_key = UnicodeAttribute(range_key=True)


class InstanceItem(Table):
    class Meta:
        table_name = table_name("instances")

    endpoint_key = UnicodeAttribute(hash_key=True)
    job_id = UnicodeAttribute(range_key=True)
    name = UnicodeAttribute()
    namespace = UnicodeAttribute()
    # What the agent reports.
    status = UnicodeAttribute(null=True)
    source = UnicodeAttribute(null=True)
    drift = BooleanAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    original = UnicodeAttribute(null=True)
    seen_at = MomentAttribute(null=True)
    expected = UnicodeAttribute(null=True)
    # What is derived from runs.
    last = UnicodeAttribute(null=True)
    success_at = MomentAttribute(null=True)
    failure_at = MomentAttribute(null=True)
    recent = BinaryAttribute(null=True, legacy_encoding=False)
    hours = BinaryAttribute(null=True, legacy_encoding=False)
    open = BinaryAttribute(null=True, legacy_encoding=False)
    lost = WholeNumber(null=True)
    day = UnicodeAttribute(null=True)
    today = UnicodeAttribute(null=True)
    rev = WholeNumber(null=True)
    # Of what open incidents are.
    alarms = UnicodeSetAttribute(null=True)
    job_index = JobIndex()


# What a report reads: the rest would only be decoded to be thrown away.
_COUNTED = ("job_id", "name", "namespace", "hours", "day", "today")


def find(tenant_id: str, endpoint_id: str, job_id: str) -> Instance | None:
    """Return the instance, or None."""
    try:
        with store_errors():
            return _instance(InstanceItem.get(_endpoint_key(tenant_id, endpoint_id), job_id, consistent_read=True))
    except InstanceItem.DoesNotExist:
        return None


def find_many(keys: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], Instance]:
    """Return the instances by tenant, endpoint and job, as far as they are there; one read for each hundred of them."""
    wanted = [(_endpoint_key(tenant_id, endpoint_id), job_id) for tenant_id, endpoint_id, job_id in keys]
    with store_errors():
        found = map(_instance, InstanceItem.batch_get(wanted, consistent_read=True))
        return {(one.tenant_id, one.endpoint_id, one.job_id): one for one in found}


def list_of_endpoint(tenant_id: str, endpoint_id: str) -> Iterator[Instance]:
    """Yield the endpoint's instances by job id; one Query a megabyte."""
    with store_errors():
        for item in InstanceItem.query(_endpoint_key(tenant_id, endpoint_id)):
            yield _instance(item)


def counts_of_endpoint(tenant_id: str, endpoint_id: str) -> list[Instance]:
    """Return the endpoint's instances with nothing of what runs left but their counters; one Query a megabyte."""
    found = read_partition(InstanceItem, _endpoint_key(tenant_id, endpoint_id), _COUNTED)
    return [_counted(tenant_id, endpoint_id, item) for item in found]


def endpoints_of_job(tenant_id: str, job_id: str) -> list[str]:
    """Return the ids of the endpoints that have an instance of this job; the index lags behind by moments."""
    with store_errors():
        found = InstanceItem.job_index.query(job_id, InstanceItem.endpoint_key.startswith(_endpoint_key(tenant_id, "")))
        return [item.endpoint_key.partition("#")[2] for item in found]


def list_of_job(tenant_id: str, job_id: str) -> list[Instance]:
    """Return the job's instances by endpoint: one Query, and one read for each hundred of them."""
    keys = [(_endpoint_key(tenant_id, endpoint_id), job_id) for endpoint_id in endpoints_of_job(tenant_id, job_id)]
    with store_errors():
        return sorted(map(_instance, InstanceItem.batch_get(keys)), key=lambda instance: instance.endpoint_id)


def save_derived(before: Instance | None, after: Instance) -> None:
    """Write what runs changed; one write unit. before: as it was read, None if it was not there.

    Raise Conflict if somebody else has written that since.
    """
    rev = before.rev if before else 0
    condition = InstanceItem.rev == rev if rev else InstanceItem.rev.does_not_exist()
    if before is not None:
        # Who was removed meanwhile is not brought back with what it had.
        condition &= InstanceItem.job_id.exists()
    _update(after, [*_derived(after), InstanceItem.rev.set(rev + 1)], condition)


def save_reported(instance: Instance) -> None:
    """Write what the agent reports, and the job's name; what is derived stays. Raise Conflict if it has said more since."""
    reported = instance.reported
    assert reported is not None  # noqa: S101 - the caller has it from a report
    actions: list[Action] = [
        InstanceItem.name.set(instance.job_name),
        InstanceItem.namespace.set(instance.namespace),
        InstanceItem.status.set(reported.status),
        InstanceItem.source.set(reported.source),
        InstanceItem.drift.set(reported.drift),
        InstanceItem.seen_at.set(reported.seen_at),
        _set(InstanceItem.reason, reported.reason),
        _set(InstanceItem.original, reported.original_command),
        _set(InstanceItem.expected, _packed_expectation(reported.expected) if reported.expected else None),
    ]
    _update(instance, actions, InstanceItem.seen_at.does_not_exist() | (InstanceItem.seen_at <= reported.seen_at))


def set_alarm(tenant_id: str, endpoint_id: str, job_id: str, alarm: str, *, is_on: bool) -> None:
    """Note that an open incident is about this instance, or is not any more; twice is the same as once.

    alarm: its kind, `#`, and what tells it from others of that kind. An instance that has gone stays gone.
    """
    action = InstanceItem.alarms.add({alarm}) if is_on else InstanceItem.alarms.delete({alarm})
    item = InstanceItem(_endpoint_key(tenant_id, endpoint_id), job_id)
    with store_errors(), suppress_condition_failure():
        item.update(actions=[action], condition=InstanceItem.job_id.exists())


def delete(instance: Instance) -> None:
    """Delete an instance as it was read. Raise Conflict if a run or a report of it came meanwhile."""
    is_same = InstanceItem.rev == instance.rev if instance.rev else InstanceItem.rev.does_not_exist()
    seen_at = instance.reported.seen_at if instance.reported else None
    is_same &= InstanceItem.seen_at == seen_at if seen_at else InstanceItem.seen_at.does_not_exist()
    try:
        with store_errors():
            InstanceItem(_endpoint_key(instance.tenant_id, instance.endpoint_id), instance.job_id).delete(condition=is_same)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise _changed(instance) from e


def _update(instance: Instance, actions: list[Action], condition: Any) -> None:
    item = InstanceItem(_endpoint_key(instance.tenant_id, instance.endpoint_id), instance.job_id)
    try:
        with store_errors():
            item.update(actions=actions, condition=condition)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise _changed(instance) from e


def _changed(instance: Instance) -> Conflict:
    return Conflict(f"job {instance.job_id} on {instance.endpoint_id} changed since it was read; try again")


def _derived(instance: Instance) -> list[Action]:
    last = instance.last
    assert last is not None  # noqa: S101 - a run was folded into it
    return [
        InstanceItem.name.set(instance.job_name),
        InstanceItem.namespace.set(instance.namespace),
        InstanceItem.last.set(_packed(last)),
        _set(InstanceItem.success_at, instance.last_success_at),
        _set(InstanceItem.failure_at, instance.last_failure_at),
        InstanceItem.recent.set(instance.recent.to_bytes()),
        InstanceItem.hours.set(instance.hours.to_bytes()),
        _set(InstanceItem.open, b"".join(UUID(run_id).bytes for run_id in instance.open) or None),
        _set(InstanceItem.lost, instance.lost or None),
        _set(InstanceItem.day, instance.day),
        InstanceItem.today.set(instance.today.to_text()),
    ]


def _set(attribute: Any, value: Any) -> Action:
    return attribute.remove() if value is None else attribute.set(value)


def _endpoint_key(tenant_id: str, endpoint_id: str) -> str:
    return f"{tenant_id}#{endpoint_id}"


def _instance(item: InstanceItem) -> Instance:
    tenant_id, _, endpoint_id = item.endpoint_key.partition("#")
    return Instance(
        tenant_id=tenant_id,
        endpoint_id=endpoint_id,
        job_id=item.job_id,
        job_name=item.name,
        namespace=item.namespace,
        reported=_reported(item) if item.seen_at else None,
        last=_last(item.last) if item.last else None,
        last_success_at=item.success_at,
        last_failure_at=item.failure_at,
        recent=Recent.from_bytes(item.recent or b""),
        open=_run_ids(item.open or b""),
        lost=item.lost or 0,
        hours=Hours.from_bytes(item.hours or b""),
        day=item.day,
        today=Tally.from_text(item.today) if item.today else Tally(),
        rev=item.rev or 0,
        alarms=frozenset(alarm.partition("#")[0] for alarm in item.alarms or ()),
    )


def _reported(item: InstanceItem) -> Reported:
    expected = _expectation(item.expected) if item.expected else None
    return Reported(item.status, item.source, bool(item.drift), item.reason, item.seen_at, expected, item.original)


def _packed_expectation(expected: Expectation) -> str:
    grace_s = int(expected.grace.total_seconds())
    return f"{times.to_millis(expected.since)},{grace_s},{expected.zone},{expected.schedule or ''}"


def _expectation(packed: str) -> Expectation:
    since, grace_s, zone, schedule = packed.split(",", 3)
    return Expectation(schedule or None, zone, timedelta(seconds=int(grace_s)), times.from_millis(int(since)))


def _counted(tenant_id: str, endpoint_id: str, item: Mapping[str, Any]) -> Instance:
    return Instance(
        tenant_id=tenant_id,
        endpoint_id=endpoint_id,
        job_id=item["job_id"]["S"],
        job_name=item["name"]["S"],
        namespace=item["namespace"]["S"],
        hours=Hours.from_bytes(item["hours"]["B"]) if "hours" in item else Hours(),
        day=item["day"]["S"] if "day" in item else None,
        today=Tally.from_text(item["today"]["S"]) if "today" in item else Tally(),
    )


def _run_ids(packed: bytes) -> tuple[str, ...]:
    return tuple(str(UUID(bytes=packed[start : start + 16])) for start in range(0, len(packed), 16))


def _packed(last: LastRun) -> str:
    """Return it as text: half the size of six attributes."""
    ended = times.to_millis(last.finished_at) if last.finished_at else ""
    numbers = (times.to_millis(last.started_at), ended, last.duration_ms, last.exit_code)
    return ",".join([last.run_id, last.status, *("" if number is None else str(number) for number in numbers)])


def _last(packed: str) -> LastRun:
    run_id, status, *numbers = packed.split(",")
    started, ended, duration_ms, exit_code = (int(number) if number else None for number in numbers)
    return LastRun(
        run_id=run_id,
        status=cast(RunStatus, status),
        started_at=times.from_millis(started or 0),
        finished_at=times.from_millis(ended) if ended is not None else None,
        duration_ms=duration_ms,
        exit_code=exit_code,
    )
