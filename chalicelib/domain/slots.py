"""Slots: the moments at which one job should run on one endpoint, which run belongs to which, and what silence means.

Silence is judged once, after the deadline, and only against what the endpoint has said since: a slot is missed if the machine
lives, has nothing left to deliver from before the deadline, and no run began. Everything else that keeps runs from us makes a
slot unknown, or is waited for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Literal

from chalicelib.domain import schedule, times
from chalicelib.domain.recent import Recent
from chalicelib.domain.runs import Run, RunStatus

SlotState = Literal[
    "ok", "late", "missed", "failed", "overlapped", "skipped", "running", "paused", "maintenance", "unknown", "due"
]
WindowKind = Literal["paused", "maintenance", "outage"]

# Clocks differ, and a scheduler may be quick: a run this much before its slot belongs to it.
EARLY = timedelta(seconds=60)
# Between the last moment at which a run may begin and the moment we must have heard of it: the start of a run is told after
# half a minute, and a delivery gathers for seconds.
DELIVERY = timedelta(seconds=45)
# After an outage of ours agents deliver what they kept; they try every half minute, and some have much.
REPLAY = timedelta(minutes=15)
# A spool that does not empty keeps a slot open this long and no longer.
MAX_SPOOLED = timedelta(hours=1)
LOOK_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Expectation:
    """When one job should run on one endpoint, as the endpoint has confirmed it.

    schedule: its fields; None for a job that never runs by the clock. zone: the one it means. grace: how late a start may be.
    since: from when the entry stands like this; no slot before it is expected.
    """

    schedule: str | None
    zone: str
    grace: timedelta
    since: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """A run as slots see it. began_at: by our clock. was_alone: no other run of the instance was open when it began."""

    run_id: str
    began_at: datetime
    status: RunStatus
    was_alone: bool = True


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which silence means nothing, or something else. until: None while it lasts."""

    kind: WindowKind
    since: datetime
    until: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        return self.since <= moment and (self.until is None or moment < self.until)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the endpoint and we know when silence is judged.

    heard_at: its last heartbeat, None before the first. is_offline: it is overdue. unsent_since: when the oldest run began
    that it has not delivered, None if there is none.
    """

    heard_at: datetime | None
    is_offline: bool = False
    unsent_since: datetime | None = None
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Slot:
    """One moment and what came of it; due: nobody can tell yet. runs: those that belong to it, by the moment they began.

    why: of a state without one.
    """

    at: datetime
    state: SlotState
    runs: tuple[Seen, ...] = ()
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What a look found. slots: those that are decided, in order. through: the last of them, so that the next look begins
    behind it. look_at: when to look again, None if no slot will ever come."""

    slots: tuple[Slot, ...]
    through: datetime
    look_at: datetime | None


def seen_of(runs: Iterable[Run]) -> list[Seen]:
    """Return the runs of one instance as slots see them, by the moment they began."""
    found: list[Seen] = []
    busy_until: datetime | None = None
    for run in sorted(runs, key=lambda run: (run.started_at, run.run_id)):
        found.append(Seen(run.run_id, run.started_at, run.status, busy_until is None or run.started_at >= busy_until))
        ended = run.finished_at or (datetime.max.replace(tzinfo=UTC) if run.status == "running" else run.started_at)
        busy_until = max(ended, busy_until or ended)
    return found


def seen_recently(recent: Recent, after: datetime) -> list[Seen] | None:
    """Return the runs that began after a moment, of those an instance keeps in mind; None if it may have forgotten some."""
    if recent.forgotten[0] > times.to_millis(after - EARLY):
        return None
    found = (
        Seen(f"{report.run_key:016x}", times.from_millis(report.run_key >> 16), report.status) for report in recent.reports
    )
    return sorted(found, key=lambda run: run.began_at)


def moments(expected: Expectation, after: datetime) -> Iterator[datetime]:
    """Yield the slots after a moment, oldest first, none of them before the entry stood."""
    if expected.schedule is None:
        return iter(())
    return schedule.fires(expected.schedule, max(after, expected.since), expected.zone)


def look_at(expected: Expectation, slot: datetime) -> datetime:
    """Return the first moment at which silence about a slot can be judged."""
    return slot + expected.grace + DELIVERY


def bind(slots: Sequence[datetime], runs: Iterable[Seen], before: datetime | None = None) -> Mapping[datetime, list[Seen]]:
    """Return slot -> its runs, by the moment they began. slots: in order, none left out. before: the slot in front of them.

    A run belongs to the last slot before it, or to the next one if that is closer and at most a minute away.
    """
    bound: dict[datetime, list[Seen]] = {slot: [] for slot in slots}
    starts = [slot - _early(earlier, slot) for earlier, slot in zip([before, *slots], slots, strict=False)]
    place = -1
    for run in sorted(runs, key=lambda run: (run.began_at, run.run_id)):
        while place + 1 < len(slots) and run.began_at >= starts[place + 1]:
            place += 1
        if place >= 0:
            bound[slots[place]].append(run)
    return bound


def _early(before: datetime | None, slot: datetime) -> timedelta:
    return min(EARLY, (slot - before) / 2) if before and before < slot else EARLY


def settle(expected: Expectation, after: datetime, runs: Sequence[Seen], standing: Standing, now: datetime) -> Settled:
    """Decide the slots after a moment, in order, up to the first that cannot be decided yet.

    after: the last slot that was decided, or any moment before the first. runs: all of this instance that began since, as far
    as they are known; earlier ones do no harm.
    """
    due = list(takewhile(lambda slot: look_at(expected, slot) <= now, moments(expected, after)))
    bound = bind(due, runs, after)
    decided: list[Slot] = []
    for slot in due:
        found = judge(expected, slot, bound[slot], standing, now)
        if isinstance(found, datetime):
            return Settled(tuple(decided), decided[-1].at if decided else after, found)
        decided.append(found)
    through = decided[-1].at if decided else after
    return Settled(tuple(decided), through, next_look(expected, through, runs))


def next_look(expected: Expectation, after: datetime, runs: Sequence[Seen]) -> datetime | None:
    """Return when the first slot without a run can be judged: of a job that runs every minute, not every slot is looked at."""
    newest = max((run.began_at for run in runs), default=after)
    passed: list[datetime] = []
    for slot in moments(expected, after):
        passed.append(slot)
        if slot > newest + EARLY:
            break
    bound = bind(passed, runs, after)
    return next((look_at(expected, slot) for slot in passed if not bound[slot]), None)


def ledger(
    expected: Expectation, since: datetime, now: datetime, runs: Iterable[Seen], noted: Mapping[datetime, Slot]
) -> list[Slot]:
    """Return every slot of an instance after `since` and up to now, oldest first.

    runs: its runs from then on. noted: what silence was decided to mean, by slot; runs that came since are stronger.
    """
    past = list(takewhile(lambda slot: slot <= now, moments(expected, since)))
    bound = bind(past, runs)
    before = sorted(slot for slot in noted if slot > since and slot not in bound)
    return [noted[slot] for slot in before] + [_entry(expected, slot, bound[slot], noted.get(slot)) for slot in past]


def _entry(expected: Expectation, slot: datetime, runs: Sequence[Seen], noted: Slot | None) -> Slot:
    if not runs:
        return noted or Slot(slot, "due")
    why = "its report came late" if noted and noted.state in ("missed", "unknown") else None
    return Slot(slot, state_of(expected, slot, runs), tuple(runs), why)


def judge(expected: Expectation, slot: datetime, runs: Sequence[Seen], standing: Standing, now: datetime) -> Slot | datetime:
    """Return what came of a slot whose moment to be judged has come, or when to look again if nobody can tell yet.

    runs: those that belong to it.
    """
    if runs:
        return Slot(slot, state_of(expected, slot, runs), tuple(runs))
    excuse = next((window.kind for window in standing.windows if window.kind != "outage" and window.holds(slot)), None)
    if excuse == "paused" or excuse == "maintenance":
        return Slot(slot, excuse)
    if waiting := _our_outage(expected, slot, standing, now):
        return waiting
    deadline = slot + expected.grace
    # What it said after the deadline counts, whatever became of it since.
    if standing.heard_at is None or standing.heard_at < deadline:
        return Slot(slot, "unknown", why="the endpoint was offline") if standing.is_offline else now + LOOK_AGAIN
    if standing.unsent_since is None or standing.unsent_since > deadline:
        return Slot(slot, "missed")
    if now < deadline + MAX_SPOOLED and not standing.is_offline:
        return now + LOOK_AGAIN
    return Slot(slot, "unknown", why="the endpoint has results that it did not deliver")


def _our_outage(expected: Expectation, slot: datetime, standing: Standing, now: datetime) -> datetime | None:
    """Return until when silence is ours, None if it is not."""
    for window in standing.windows:
        if window.kind != "outage" or window.since > look_at(expected, slot) or (window.until and window.until <= slot):
            continue
        over = window.until + max(REPLAY, expected.grace) if window.until else now + LOOK_AGAIN
        if now < over:
            return over
    return None


def state_of(expected: Expectation, slot: datetime, runs: Sequence[Seen]) -> SlotState:
    """Return the state of a slot that has runs: the first of them counts, the others came on top."""
    first = runs[0]
    if first.began_at > slot + expected.grace:
        return "late"
    if first.status == "skipped":
        return "skipped" if first.was_alone else "overlapped"
    if first.status in ("running", "success"):
        alone: SlotState = "running" if first.status == "running" else "ok"
        return alone if first.was_alone else "overlapped"
    return "failed"
