"""The runs table: the ledger. A run is written once by its result, or twice if its start was reported before.

The feed index holds everything but outputs, a partition for each tenant and day.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection
from pynamodb.transactions import TransactWrite

from chalicelib.domain import ids
from chalicelib.domain.runs import RETENTION, Outcome, Run, fold, judge
from chalicelib.store.tables import (
    CompressedText,
    MomentAttribute,
    Table,
    WholeNumber,
    connection,
    is_condition_failure,
    put_all,
    store_errors,
    table_name,
)

_PLAIN = [field.name for field in fields(Run) if field.name not in ("tenant_id", "job_id", "run_id", "output", "commit")]
FEED_ATTRIBUTES = [*_PLAIN, "commit_sha"]


class FeedIndex(GlobalSecondaryIndex["RunItem"]):
    class Meta:
        index_name = "feed"
        projection = IncludeProjection(FEED_ATTRIBUTES)

    feed = UnicodeAttribute(hash_key=True)
    run_id = UnicodeAttribute(range_key=True)


class RunItem(Table):
    class Meta:
        table_name = table_name("runs")

    job_key = UnicodeAttribute(hash_key=True)
    run_id = UnicodeAttribute(range_key=True)
    feed = UnicodeAttribute()
    job_name = UnicodeAttribute()
    namespace = UnicodeAttribute()
    endpoint_id = UnicodeAttribute()
    status = UnicodeAttribute()
    started_at = MomentAttribute()
    finished_at = MomentAttribute(null=True)
    duration_ms = WholeNumber(null=True)
    exit_code = WholeNumber(null=True)
    signal = WholeNumber(null=True)
    output = CompressedText(null=True)
    output_bytes = WholeNumber()
    output_truncated = BooleanAttribute()
    commit_sha = UnicodeAttribute(null=True)
    reported_at = MomentAttribute()
    received_at = MomentAttribute()
    ttl = WholeNumber()
    feed_index = FeedIndex()


def record(run: Run, retention: timedelta = RETENTION) -> Outcome:
    """Store one report by one conditional put and return its outcome. A second call, for reading, only where that fails.

    retention: for how long it is kept.
    """
    try:
        with store_errors():
            _item(run, retention).save(condition=_condition(run))
        return "created"
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
    return judge(find(run.tenant_id, run.job_id, run.run_id), run)


def record_batch(runs: Sequence[Run], retention: timedelta = RETENTION) -> list[Outcome]:
    """Store up to 25 reports of one tenant and return their outcomes, in order. retention: for how long they are kept.

    One read of what is known and one write, whatever the number: BatchWriteItem takes no conditions, so results are
    written after that read, which is safe because a result is only ever replaced by the same result; starts, which
    must not overwrite a result that arrives meanwhile, go through a transaction with conditions. See ADR 0003.
    """
    outcomes, writes = fold(_find_many(runs), runs)
    results = [run for run in writes.values() if run.is_finished]
    starts = [run for run in writes.values() if not run.is_finished]
    with store_errors():
        if results:
            put_all(RunItem, [_attributes(run, retention) for run in results])
        _write_starts(starts, retention)
    return outcomes


def _write_starts(starts: Sequence[Run], retention: timedelta) -> None:
    if not starts:
        return
    try:
        with TransactWrite(connection=connection()) as transaction:
            for run in starts:
                transaction.save(_item(run, retention), condition=_condition(run))
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        # One of them has become known since the read: the others still count.
        for run in starts:
            record(run, retention)


def _condition(run: Run) -> Any:
    is_new = RunItem.run_id.does_not_exist()
    return is_new | ((RunItem.status == "running") & (RunItem.endpoint_id == run.endpoint_id)) if run.is_finished else is_new


def find(tenant_id: str, job_id: str, run_id: str) -> Run | None:
    """Return the run with its output, or None."""
    try:
        with store_errors():
            return _run(RunItem.get(_job_key(tenant_id, job_id), run_id, consistent_read=True))
    except RunItem.DoesNotExist:
        return None


def find_in_feed(tenant_id: str, day: str, run_id: str) -> Run | None:
    """Return the run of that day without its output, or None. For callers who do not know its job."""
    with store_errors():
        found = RunItem.feed_index.query(_feed(tenant_id, day), RunItem.run_id == run_id, limit=1)
        return next((_run(item) for item in found), None)


def page_of_day(
    tenant_id: str,
    day: str,
    *,
    before: str | None,
    since: str | None = None,
    equal: Mapping[str, str],
    contains: Mapping[str, str],
    limit: int,
) -> list[Run]:
    """Return at most `limit` runs of a day, newest first, without outputs.

    before: only runs older than this run_id. since: none older than this one. equal: attribute -> value. contains: attribute ->
    part of it.
    """
    if before and since and before <= since:
        # The window has moved on since the page before.
        return []
    with store_errors():
        found = RunItem.feed_index.query(
            _feed(tenant_id, day),
            _span(before, since),
            filter_condition=_filter(equal, contains),
            scan_index_forward=False,
            page_size=max(limit, 100) if equal or contains else limit,
        )
        return [_run(item) for item in islice((item for item in found if item.run_id != before), limit)]


def _span(before: str | None, since: str | None) -> Any:
    if before and since:
        # Takes both ends in; a key has one condition.
        return RunItem.run_id.between(since, before)
    if before:
        return RunItem.run_id < before
    return RunItem.run_id >= since if since else None


def jobs_of_day(tenant_id: str, day: str) -> set[str]:
    """Return the ids of the jobs that ran on this date; reads the day's feed."""
    with store_errors():
        found = RunItem.feed_index.query(_feed(tenant_id, day), attributes_to_get=["job_key", "run_id"])
        return {item.job_key.partition("#")[2] for item in found}


def list_of_job(tenant_id: str, job_id: str) -> Iterator[Run]:
    """Yield all runs of a job, oldest first, without outputs. For who counts anew; lists go by the feed."""
    wanted = ["job_key", "run_id", *FEED_ATTRIBUTES]
    with store_errors():
        for item in RunItem.query(_job_key(tenant_id, job_id), attributes_to_get=wanted):
            yield _run(item)


def list_of_span(tenant_id: str, job_id: str, since: datetime, until: datetime) -> Iterator[Run]:
    """Yield the runs of a job that began in this time, both ends among them, oldest first, without outputs."""
    span = RunItem.run_id.between(ids.uuid7_from(since, bytes(10)), ids.uuid7_from(until, b"\xff" * 10))
    wanted = ["job_key", "run_id", *FEED_ATTRIBUTES]
    with store_errors():
        for item in RunItem.query(_job_key(tenant_id, job_id), span, attributes_to_get=wanted):
            yield _run(item)


def _filter(equal: Mapping[str, str], contains: Mapping[str, str]) -> Any:
    conditions = [getattr(RunItem, name) == value for name, value in equal.items()]
    conditions += [getattr(RunItem, name).contains(part) for name, part in contains.items()]
    combined = None
    for condition in conditions:
        combined = condition if combined is None else combined & condition
    return combined


def _find_many(runs: Iterable[Run]) -> dict[str, Run]:
    keys = {(_job_key(run.tenant_id, run.job_id), run.run_id) for run in runs}
    with store_errors():
        return {item.run_id: _run(item) for item in RunItem.batch_get(keys, consistent_read=True)}


def _job_key(tenant_id: str, job_id: str) -> str:
    return f"{tenant_id}#{job_id}"


def _feed(tenant_id: str, day: str) -> str:
    return f"{tenant_id}#{day}"


def _attributes(run: Run, retention: timedelta = RETENTION) -> dict[str, Any]:
    return {name: getattr(run, name) for name in _PLAIN} | {
        "job_key": _job_key(run.tenant_id, run.job_id),
        "run_id": run.run_id,
        "feed": _feed(run.tenant_id, run.day),
        "output": run.output,
        "commit_sha": run.commit,
        "ttl": int((run.received_at + retention).timestamp()),
    }


def _item(run: Run, retention: timedelta = RETENTION) -> RunItem:
    return RunItem(**_attributes(run, retention))


def _run(item: RunItem) -> Run:
    tenant_id, _, job_id = item.job_key.partition("#")
    values = {name: getattr(item, name) for name in _PLAIN}
    return Run(
        tenant_id=tenant_id,
        job_id=job_id,
        run_id=item.run_id,
        output=item.output,
        commit=item.commit_sha,
        **values,
    )


def of_stream(image: Mapping[str, Any]) -> Run:
    """Return the run of one image of the table's stream, without its output. image: attribute -> typed value."""
    item = RunItem()
    item.deserialize({name: value for name, value in image.items() if name != "output"})
    return _run(item)
