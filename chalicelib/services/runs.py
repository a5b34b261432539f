"""Runs: taking reports in, and reading them back."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain import ids, windows
from chalicelib.domain.errors import Forbidden, Invalid, NotFound
from chalicelib.domain.runs import Outcome, Run
from chalicelib.domain.tallies import total
from chalicelib.domain.tenants import MIN_RETENTION_DAYS
from chalicelib.domain.windows import Window
from chalicelib.services import counting, retention, sessions, usage
from chalicelib.services.counting import RunFilter
from chalicelib.services.sessions import Caller
from chalicelib.store import runs as run_store


@dataclass(frozen=True, slots=True)
class Page:
    """runs: newest first, without outputs. next: opaque, None when there are no more."""

    runs: list[Run]
    next: str | None


def check_in(caller: Caller, run: Run) -> Outcome:
    """Write one report into the ledger, once. Raise Forbidden if it names another endpoint than the caller."""
    _refuse_other_endpoint(caller, run)
    outcome = run_store.record(run, retention.of(caller))
    usage.note_runs([run], [outcome])
    return outcome


def check_in_batch(caller: Caller, runs: Sequence[Run]) -> list[Outcome]:
    """Write up to 25 reports and return what became of each, in order. Raise Forbidden if one names another endpoint."""
    for run in runs:
        _refuse_other_endpoint(caller, run)
    outcomes = run_store.record_batch(runs, retention.of(caller))
    usage.note_runs(runs, outcomes)
    return outcomes


def _refuse_other_endpoint(caller: Caller, run: Run) -> None:
    if run.endpoint_id != caller.name:
        raise Forbidden(f"this token belongs to another endpoint than {run.endpoint_id!r}")


def load_run(caller: Caller, run_id: str) -> Run:
    """Return one run of the tenant with its output. Raise NotFound."""
    missing = NotFound(f"no run {run_id!r}")
    if not ids.is_uuid(run_id, 7):
        raise missing
    listed = run_store.find_in_feed(caller.tenant_id, ids.uuid7_time(run_id).date().isoformat(), run_id)
    run = run_store.find(caller.tenant_id, listed.job_id, run_id) if listed else None
    if run is None:
        raise missing
    return run


def list_runs(
    caller: Caller, window: Window, wanted: RunFilter, limit: int, *, cursor: str | None = None, skipped: int = 0
) -> Page:
    """Return a page of the tenant's runs: one Query a day until the page is full. skipped: how many newer ones to pass over.

    Raise Invalid for a cursor that is not ours.
    """
    day, before = _decode(cursor) if cursor else (window.dates[0], None)
    if day not in window.dates:
        return Page([], None)
    equal = {"namespace": wanted.namespace, "endpoint_id": wanted.endpoint_id, "status": wanted.status}
    last = skipped + limit
    found: list[Run] = []
    for date in window.dates[window.dates.index(day) :]:
        found += run_store.page_of_day(
            caller.tenant_id,
            date,
            before=before if date == day else None,
            since=window.first_run_id if date == window.dates[-1] else None,
            equal={name: value for name, value in equal.items() if value},
            contains={"job_name": wanted.job.lower()} if wanted.job else {},
            limit=last + 1 - len(found),
        )
        if len(found) > last:
            return Page(found[skipped:last], _encode(found[last - 1].day, found[last - 1].run_id))
    return Page(found[skipped:], None)


def count_runs(caller: Caller, window: Window, wanted: RunFilter) -> int:
    """Return how many runs there are, from counters."""
    return total(row.tally for row in counting.count(caller.tenant_id, window, wanted)).runs


def window_of(caller: Caller, now: datetime, days: int | None) -> Window:
    """Return the window of so many days, or of 24 hours for None; no longer than the tenant's runs are kept."""
    if days is None:
        return windows.of_24_hours(now)
    if days > MIN_RETENTION_DAYS:
        days = min(days, sessions.account(caller).retention_days)
    return windows.of_days(now, days)


def _encode(day: str, run_id: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([day, run_id]).encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[str, str]:
    try:
        day, run_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if isinstance(day, str) and isinstance(run_id, str):
            return day, run_id
    except (ValueError, binascii.Error):
        pass
    raise Invalid.of({"next": "is not a cursor of this list; take it from the answer's `next`, or leave it out"})
