"""Instances: one job on one endpoint. What the agent reports about it, and what is derived from its runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from chalicelib.domain import ids, times
from chalicelib.domain.recent import Recent, Streak, run_key
from chalicelib.domain.runs import Run, RunStatus
from chalicelib.domain.slots import Expectation
from chalicelib.domain.tallies import Hours, Tally

InstanceStatus = Literal["scheduled", "running", "paused", "error"]
InstanceSource = Literal["crontopus", "discovered"]

# Runs without an agent, reported to a ping URL, belong to this one.
PING_ENDPOINT = "ping"
MAX_OPEN = 4
MAX_REASON_BYTES = 90
# Only of jobs that no run of ours makes any larger.
MAX_ORIGINAL_BYTES = 256


@dataclass(frozen=True, slots=True)
class Reported:
    """What an agent says about a job on its machine.

    drift: what the scheduler holds is not what it should hold. reason: why, or what stands in the way.
    seen_at: when that was last said. expected: when it should run; None where nothing says so, or nothing is to be expected.
    original_command: what a discovered job's own line runs, cut off where it is long.
    """

    status: InstanceStatus
    source: InstanceSource
    drift: bool
    reason: str | None
    seen_at: datetime
    expected: Expectation | None = None
    original_command: str | None = None


@dataclass(frozen=True, slots=True)
class LastRun:
    run_id: str
    status: RunStatus
    started_at: datetime
    finished_at: datetime | None
    duration_ms: int | None
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Instance:
    """reported: None where only runs are known. day, today: the newest UTC date in which something ran, and its counters.

    open: runs that began and have not ended, oldest first. lost: how many more there are, which found no room.
    rev: counts the writes of what is derived from runs; 0 before the first. alarms: kinds of rules that an open incident is of.
    """

    tenant_id: str
    endpoint_id: str
    job_id: str
    job_name: str
    namespace: str
    reported: Reported | None = None
    last: LastRun | None = None
    last_success_at: datetime | None = None
    last_failure_at: datetime | None = None
    recent: Recent = field(default_factory=Recent)
    open: tuple[str, ...] = ()
    lost: int = 0
    hours: Hours = field(default_factory=Hours)
    day: str | None = None
    today: Tally = field(default_factory=Tally)
    rev: int = 0
    alarms: frozenset[str] = frozenset()

    @property
    def status(self) -> InstanceStatus | None:
        """What it does: running while a run is open, else what the agent says; None where nothing is known of that."""
        if self.open and (self.reported is None or self.reported.status == "scheduled"):
            return "running"
        return self.reported.status if self.reported else None

    @property
    def streak(self) -> Streak:
        return self.recent.streak


@dataclass(frozen=True, slots=True)
class Day:
    """The counters of one instance and a closed day. recent: what was counted of it last.

    rev: counts the writes; 0 before the first.
    """

    tenant_id: str
    date: str
    job_id: str
    endpoint_id: str
    job_name: str
    namespace: str
    tally: Tally = field(default_factory=Tally)
    recent: Recent = field(default_factory=Recent)
    rev: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a run that the ledger took. had_started: its start had been reported before."""

    run: Run
    had_started: bool = False


@dataclass(frozen=True, slots=True)
class Folded:
    """instance: as it is now. days: those to be written, before the instance. taken: how many changes were new."""

    instance: Instance
    days: tuple[Day, ...]
    taken: int


def days_needed(instance: Instance | None, changes: Iterable[Change]) -> set[str]:
    """Return the dates whose stored counters `fold` needs: all but the one that stays open."""
    dates = {change.run.day for change in changes}
    if instance is None or instance.day is None:
        return dates
    return dates - {instance.day} | ({instance.day} if max(dates) > instance.day else set())


def fold(instance: Instance | None, changes: Iterable[Change], stored: Mapping[str, Day]) -> Folded:
    """Return what an instance and its days are after these changes, each counted once, in whatever order they come.

    stored: the days that `days_needed` names, as far as they are stored.
    """
    # As the ledger took them: of more than are kept in mind, one that comes too late would be taken for known.
    changes = sorted(changes, key=lambda change: (change.run.received_at, run_key(change.run.run_id), change.run.is_finished))
    now = instance or _thin(changes[0].run)
    days = dict(stored)
    if now.day is not None:
        known = days.get(now.day)
        days[now.day] = replace(known or _day(now, now.day), tally=now.today)
    elif days:
        # It was there, was removed and came back: what it had counted is in its newest day.
        now = replace(now, recent=days[max(days)].recent)
    open_day, touched, taken = now.day, set(), 0
    for change in changes:
        if now.recent.knows(change.run):
            continue
        date = change.run.day
        day = days.get(date) or _day(now, date)
        was_open = _was_open(now, change)
        # Only an open day is counted in the same write as the instance; another may have got this run in a try that broke off.
        if date == open_day or not day.recent.knows(change.run):
            day = replace(day, tally=day.tally.counting(change.run.status, change.run.duration_ms, was_open=was_open))
        days[date] = replace(day, recent=day.recent.taking(change.run))
        now = _taking(now, change.run, was_open)
        touched.add(date)
        taken += 1
    return _settled(now, days, touched, taken)


def _settled(now: Instance, days: Mapping[str, Day], touched: set[str], taken: int) -> Folded:
    if not taken:
        return Folded(now, (), 0)
    newest = max(touched | ({now.day} if now.day else set()))
    closed = touched | ({now.day} if now.day else set())
    closed.discard(newest)
    written = [replace(days[date], job_name=now.job_name, namespace=now.namespace) for date in sorted(closed)]
    if now.day in closed:
        written = [replace(day, recent=now.recent) if day.date == now.day else day for day in written]
    return Folded(replace(now, day=newest, today=days[newest].tally), tuple(written), taken)


def closing(instance: Instance, stored: Day | None) -> Day | None:
    """Return the day to be written before an instance is removed, None if it has counted nothing."""
    if instance.day is None:
        return None
    return replace(stored or _day(instance, instance.day), tally=instance.today, recent=instance.recent)


def _taking(now: Instance, run: Run, was_open: bool) -> Instance:
    hour = int(ids.uuid7_time(run.run_id).timestamp()) // 3600
    opened = tuple(sorted({*now.open, run.run_id})) if not run.is_finished else tuple(r for r in now.open if r != run.run_id)
    lost = now.lost + max(0, len(opened) - MAX_OPEN) - (1 if was_open and run.run_id not in now.open else 0)
    now = replace(
        now,
        recent=now.recent.taking(run),
        hours=now.hours.counting(hour, run.status, was_open=was_open),
        open=opened[-MAX_OPEN:],
        lost=lost,
    )
    if run.is_finished:
        now = _with_ending(now, run)
    if now.last and (run.run_id, run.is_finished) < (now.last.run_id, now.last.status != "running"):
        return now
    last = LastRun(run.run_id, run.status, run.started_at, run.finished_at, run.duration_ms, run.exit_code)
    return replace(now, last=last, job_name=run.job_name, namespace=run.namespace)


def _with_ending(now: Instance, run: Run) -> Instance:
    at = _to_millis(run.finished_at or run.started_at)
    if run.status == "success":
        return replace(now, last_success_at=max(at, now.last_success_at or at))
    if run.status in ("failure", "timeout"):
        return replace(now, last_failure_at=max(at, now.last_failure_at or at))
    return now


def _was_open(now: Instance, change: Change) -> bool:
    if not change.run.is_finished:
        return False
    # A start that found no room is still counted as running; which one it was is forgotten.
    return change.run.run_id in now.open or (change.had_started and now.lost > 0)


def _to_millis(moment: datetime) -> datetime:
    return times.from_millis(times.to_millis(moment))


def _thin(run: Run) -> Instance:
    return Instance(run.tenant_id, run.endpoint_id, run.job_id, run.job_name, run.namespace)


def _day(instance: Instance, date: str) -> Day:
    return Day(instance.tenant_id, date, instance.job_id, instance.endpoint_id, instance.job_name, instance.namespace)
