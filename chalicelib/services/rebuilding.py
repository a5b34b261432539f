"""Instances and days counted anew from the ledger, while runs go on coming in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain import windows
from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.domain.instances import Change, Day, Instance, fold
from chalicelib.domain.runs import Run
from chalicelib.domain.windows import Window
from chalicelib.store import days as day_store
from chalicelib.store import instances as instance_store
from chalicelib.store import runs as run_store
from chalicelib.store import tenants as tenant_store

# A busy instance is written by the projector every now and then.
_TRIES = 10


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """instances, days: how many were there to count. mended: how many of both were wrong."""

    instances: int = 0
    days: int = 0
    mended: int = 0

    def __add__(self, other: "Rebuilt") -> "Rebuilt":
        return Rebuilt(self.instances + other.instances, self.days + other.days, self.mended + other.mended)


def rebuild(tenant_id: str, now: datetime, days: int | None = None, *, dry_run: bool = False) -> Rebuilt:
    """Make a tenant's instances and the counters of its last days what the ledger says.

    days: UTC dates, today's among them; by default as many as its runs are kept. If that was made longer lately, ask for
    fewer: of dates whose runs have expired no counters would be left. Raise NotFound for an unknown tenant, Conflict if an
    instance is written faster than it can be counted.
    """
    tenant = tenant_store.find(tenant_id)
    if tenant is None:
        raise NotFound(f"no tenant {tenant_id!r}")
    window = windows.of_days(now, min(days or tenant.retention_days, tenant.retention_days))
    jobs = {job_id for date in window.dates for job_id in run_store.jobs_of_day(tenant_id, date)}
    return sum((_of_job(tenant_id, job_id, window, dry_run=dry_run) for job_id in sorted(jobs)), Rebuilt())


def _of_job(tenant_id: str, job_id: str, window: Window, *, dry_run: bool) -> Rebuilt:
    endpoint_ids = {run.endpoint_id for run in run_store.list_of_job(tenant_id, job_id)}
    done = Rebuilt()
    for endpoint_id in sorted(endpoint_ids):
        done += _of_instance(tenant_id, endpoint_id, job_id, window, dry_run=dry_run)
    return done


def _of_instance(tenant_id: str, endpoint_id: str, job_id: str, window: Window, *, dry_run: bool) -> Rebuilt:
    for left in reversed(range(_TRIES)):
        # Before the runs: what is counted into it meanwhile makes the write fail, and both are read again.
        before = instance_store.find(tenant_id, endpoint_id, job_id)
        runs = [run for run in run_store.list_of_job(tenant_id, job_id) if run.endpoint_id == endpoint_id]
        try:
            return _write(before, runs, window, dry_run=dry_run)
        except Conflict:
            if not left:
                raise
    raise AssertionError("the last try returns or raises")


def _write(before: Instance | None, runs: list[Run], window: Window, *, dry_run: bool) -> Rebuilt:
    if not runs:
        return Rebuilt()
    folded = fold(None, [Change(run) for run in runs], {})
    after = folded.instance
    closed = [day for day in folded.days if day.date in window.dates]
    stored = day_store.find_many(after.tenant_id, after.endpoint_id, after.job_id, [day.date for day in closed])
    wrong = [day for day in closed if _tally(stored, day) != day.tally]
    is_wrong = before is None or not _agrees(before, after)
    if not dry_run:
        for day in wrong:
            known = stored.get(day.date)
            day_store.save(replace(day, rev=known.rev if known else 0))
        if is_wrong:
            instance_store.save_derived(before, after)
    return Rebuilt(1, len(closed), len(wrong) + is_wrong)


def _tally(stored: Mapping[str, Day], day: Day) -> object:
    return stored[day.date].tally if day.date in stored else None


def _agrees(before: Instance, after: Instance) -> bool:
    """Tell whether an instance shows what was counted. What it keeps to know reports again may be older or newer."""
    return all(
        getattr(before, name) == getattr(after, name)
        for name in ("day", "today", "last", "last_success_at", "last_failure_at", "open", "hours", "streak")
    )
