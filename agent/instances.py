"""What is told of the jobs on this machine: how each stands, and where the table is not what the repository says."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache

from agent.desired import Desired
from agent.state import Inventory
from chalicelib.domain.manifest import Job

# One report takes no more.
MAX_TOLD = 1000
_UNREADABLE = "its manifest cannot be read; the line that worked last stays"
_NOT_THERE = "it has no line yet"


@dataclass(frozen=True, slots=True)
class Told:
    """One job as POST /api/endpoints/{endpoint_id}/job-instances takes it. schedule, timezone, grace_s: when it is to run."""

    job_id: str
    job_name: str
    namespace: str
    status: str
    source: str = "crontopus"
    drift: bool = False
    reason: str | None = None
    schedule: str | None = None
    timezone: str | None = None
    grace_s: int = 300
    original_command: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be said of one job. is_drift: the table does not hold what the repository says."""

    words: str
    is_drift: bool = True


def tell(desired: Desired, inventory: Inventory, notes: Mapping[str, Note]) -> tuple[Told, ...]:
    """Return the jobs of this machine after a round, by id. notes: by job id, where there is something to say."""
    told = {one.job_id: one for one in _stale(desired, inventory, notes)}
    for job_id, wanted in desired.jobs.items():
        if wanted.job.enabled and not wanted.job.is_pinged:
            told[job_id] = _wanted(job_id, wanted.job, inventory, notes.get(job_id), desired.zone)
    return tuple(told[job_id] for job_id in sorted(told)[:MAX_TOLD])


# Asked with every heartbeat, and mostly of the same jobs.
@lru_cache(maxsize=2)
def digest(told: tuple[Told, ...]) -> str:
    """Return what tells one report from another."""
    return hashlib.sha256(json.dumps([asdict(one) for one in told]).encode()).hexdigest()


def _wanted(job_id: str, job: Job, inventory: Inventory, note: Note | None, zone: str | None) -> Told:
    if job.is_discovered:
        told = Told(job_id, job.name, job.namespace, "scheduled", "discovered", original_command=job.command)
        return replace(told, status="error", drift=True, reason=note.words) if note else told
    if not job.is_scheduled:
        return Told(job_id, job.name, job.namespace, "paused")
    placed = inventory.jobs.get(job_id)
    if placed is None or placed.line is None:
        return Told(job_id, job.name, job.namespace, "error", drift=True, reason=note.words if note else _NOT_THERE)
    # Whose runs are not reported, of that one nobody expects to hear.
    schedule = job.schedule if job.is_reported else None
    told = _scheduled(job_id, job.name, job.namespace, schedule, job.timezone or zone, job.grace_s)
    return replace(told, drift=note.is_drift, reason=note.words) if note else told


# Nearly all are told as they were. The limit is two tables of cron's largest size.
@lru_cache(maxsize=20_000)
def _scheduled(job_id: str, name: str, namespace: str, schedule: str | None, timezone: str | None, grace_s: int) -> Told:
    return Told(job_id, name, namespace, "scheduled", schedule=schedule, timezone=timezone, grace_s=grace_s)


def _stale(desired: Desired, inventory: Inventory, notes: Mapping[str, Note]) -> Iterator[Told]:
    """Yield the jobs that have a line and are not, or not readably, in the repository."""
    for job_id in inventory.lines.keys() - desired.jobs.keys():
        *folders, name = inventory.jobs[job_id].path.split("/")
        # Of a line that only the table remembers nobody knows the name.
        job_name, namespace = name.rpartition(".")[0] or job_id, folders[0] if folders else "default"
        if note := notes.get(job_id):
            yield Told(job_id, job_name, namespace, "scheduled", drift=note.is_drift, reason=note.words)
        else:
            yield Told(job_id, job_name, namespace, "error", drift=True, reason=_UNREADABLE)
