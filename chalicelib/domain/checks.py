"""Checks: what the pings of a job say about it, and how healthchecks would say the same."""

import hashlib
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from chalicelib.domain import ids, schedule
from chalicelib.domain.manifest import Job

Status = Literal["new", "up", "grace", "down", "paused"]
# Names of healthchecks that a manifest has no field for.
NAME, SLUG, DESCRIPTION = "ping/name", "ping/slug", "ping/desc"
DEFAULT_ZONE = "UTC"
MAX_FLIPS = 40


@dataclass(frozen=True, slots=True)
class Definition:
    """What a ping has to know of a manifest, copied from the file at `path` whose blob is `sha`. The file is the truth."""

    tenant_id: str
    job_id: str
    namespace: str
    name: str
    slug: str
    path: str
    sha: str
    is_pinged: bool = True
    is_paused: bool = False
    is_resumed_by_hand: bool = False
    is_post_only: bool = False
    schedule: str | None = None
    zone: str = DEFAULT_ZONE
    period_s: int | None = None
    grace_s: int = 3600
    keep_bytes: int = 10_000


@dataclass(frozen=True, slots=True)
class Start:
    """A run that has begun. Its id, a UUIDv7, says when. rid: what the client calls it, None if it does not say."""

    run_id: str
    rid: str | None

    @property
    def at(self) -> datetime:
        return ids.uuid7_time(self.run_id)


@dataclass(frozen=True, slots=True)
class Flip:
    at: datetime
    is_up: bool


@dataclass(frozen=True, slots=True)
class State:
    """What pings have told. result: of the last one that ended a run, None as long as there was none.

    open: the last start, until something closes it; starts: all runs that have begun and not ended, oldest first.
    is_resumed: a ping has ended a pause, and Git does not know yet.
    """

    count: int = 0
    last_ping_at: datetime | None = None
    result: Literal["up", "down"] | None = None
    last_duration_ms: int | None = None
    open: Start | None = None
    starts: tuple[Start, ...] = ()
    flips: tuple[Flip, ...] = ()
    is_resumed: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    definition: Definition
    state: State = field(default_factory=State)

    @property
    def is_paused(self) -> bool:
        return self.definition.is_paused and not self.state.is_resumed


def definition_of(tenant_id: str, job: Job, path: str, sha: str, body_limit: int) -> Definition | None:
    """Return what a ping has to know of a job, None while it has no id. body_limit: bytes that are kept at most."""
    if job.id is None:
        return None
    return Definition(
        tenant_id=tenant_id,
        job_id=job.id,
        namespace=job.namespace,
        name=job.name,
        slug=slug_of(job),
        path=path,
        sha=sha,
        is_pinged=job.is_pinged,
        is_paused=job.paused,
        is_resumed_by_hand=job.checkin_resume == "manual",
        is_post_only=job.checkin_methods == "post",
        schedule=job.schedule,
        zone=job.timezone or DEFAULT_ZONE,
        period_s=job.period_s,
        grace_s=job.grace_s,
        keep_bytes=min(body_limit, job.max_output_bytes) if job.output == "tail" else 0,
    )


def slug_of(job: Job) -> str:
    """Return what a job is called in a ping URL: its name, unless an annotation says otherwise."""
    return job.annotations.get(SLUG) or job.name


def followed(state: State, before: Definition, after: Definition, *, is_settled: bool) -> State:
    """Return the state once a check's definition has changed.

    is_settled: whoever changed it saw and meant its `paused`; otherwise a pause that a ping has ended stays ended.
    """
    if not after.is_paused:
        was_paused = before.is_paused and not state.is_resumed
        state = replace(state, last_ping_at=None, result=None, open=None) if was_paused else state
        return replace(state, is_resumed=False)
    if state.is_resumed and not is_settled:
        return state
    return replace(state, is_resumed=False, open=None)


def due_at(check: Check) -> datetime | None:
    """Return when the next ping is due, None if nothing says so."""
    last, definition = check.state.last_ping_at, check.definition
    if last is None or check.is_paused or check.state.result != "up":
        return None
    if definition.period_s:
        return last + timedelta(seconds=definition.period_s)
    if not definition.schedule:
        return None
    return next(schedule.fires(definition.schedule, last, definition.zone), None)


def down_at(check: Check) -> datetime | None:
    """Return when silence makes, or made, the check go down, None if it will not."""
    grace = timedelta(seconds=check.definition.grace_s)
    due, opened = due_at(check), check.state.open
    moments = [due + grace] if due else []
    moments += [opened.at + grace] if opened else []
    return min(moments, default=None)


def status(check: Check, now: datetime) -> Status:
    """Return how a check stands. A run that has begun and not ended in its grace time makes it go down too."""
    silent_at = down_at(check)
    if silent_at and now >= silent_at and check.state.result != "down":
        return "down"
    if check.is_paused:
        return "paused"
    if check.state.result != "up":
        return check.state.result or "new"
    due = due_at(check)
    return "grace" if due and now >= due else "up"


def flips_after(check: Check, now: datetime, *, is_up: bool) -> tuple[Flip, ...]:
    """Return the newest changes between up and down, oldest first, with those that a ping now brings to light."""
    flips = flips_until(check, now)
    is_same = bool(flips) and flips[-1].is_up == is_up
    return flips if is_same else (*flips, Flip(now, is_up))[-MAX_FLIPS:]


def flips_until(check: Check, now: datetime) -> tuple[Flip, ...]:
    """Return the known changes, and the one that silence has brought since, if any."""
    flips, silent_at = check.state.flips, down_at(check)
    is_news = silent_at is not None and now >= silent_at and not (flips and not flips[-1].is_up)
    return (*flips, Flip(silent_at, False))[-MAX_FLIPS:] if silent_at and is_news else flips


def unique_key(job_id: str) -> str:
    """Return what names a check to those who may only read: not enough to ping it."""
    return hashlib.sha1(uuid.UUID(job_id).hex[:16].encode(), usedforsecurity=False).hexdigest()


def to_text(moment: datetime | None) -> str | None:
    """Return a moment as healthchecks writes it: whole seconds and an offset."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat() if moment else None
