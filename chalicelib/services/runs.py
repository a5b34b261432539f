"""Runs: taking reports in, and reading them back."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain import ids
from chalicelib.domain.errors import Forbidden, Invalid, NotFound
from chalicelib.domain.runs import Outcome, Run, days_back
from chalicelib.services.sessions import Caller
from chalicelib.store import runs as run_store


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to list. days: how far back, 1 to 90. job: part of its name; the others are exact."""

    days: int = 7
    namespace: str | None = None
    job: str | None = None
    endpoint_id: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """runs: newest first, without outputs. next: opaque, None when there are no more."""

    runs: list[Run]
    next: str | None


def check_in(caller: Caller, run: Run) -> Outcome:
    """Write one report into the ledger, once. Raise Forbidden if it names another endpoint than the caller."""
    _refuse_other_endpoint(caller, run)
    return run_store.record(run)


def check_in_batch(caller: Caller, runs: Sequence[Run]) -> list[Outcome]:
    """Write up to 25 reports and return what became of each, in order. Raise Forbidden if one names another endpoint."""
    for run in runs:
        _refuse_other_endpoint(caller, run)
    return run_store.record_batch(runs)


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


def list_runs(caller: Caller, wanted: RunFilter, limit: int, cursor: str | None, now: datetime) -> Page:
    """Return a page of the tenant's runs: one Query a day until the page is full. Raise Invalid for a cursor not ours."""
    days = days_back(now, wanted.days)
    day, before = _decode(cursor) if cursor else (days[0], None)
    if day not in days:
        return Page([], None)
    equal = {"namespace": wanted.namespace, "endpoint_id": wanted.endpoint_id, "status": wanted.status}
    found: list[Run] = []
    for date in days[days.index(day) :]:
        found += run_store.page_of_day(
            caller.tenant_id,
            date,
            before=before if date == day else None,
            equal={name: value for name, value in equal.items() if value},
            contains={"job_name": wanted.job} if wanted.job else {},
            limit=limit + 1 - len(found),
        )
        if len(found) > limit:
            last = found[limit - 1]
            return Page(found[:limit], _encode(last.day, last.run_id))
    return Page(found, None)


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
