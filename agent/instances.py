"""What is told of the jobs on this machine: how each stands, and where the table is not what the repository says."""

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from agent.desired import Desired
from agent.state import Inventory
from chalicelib.domain.manifest import Job
from chalicelib.domain.times import to_text

# One report takes no more.
MAX_TOLD = 1000
_HELD = "its removal waits for somebody to approve it"
_UNREADABLE = "its manifest cannot be read; the line that worked last stays"
_NOT_THERE = "it has no line yet"


@dataclass(frozen=True, slots=True)
class Told:
    """One job as POST /api/endpoints/{endpoint_id}/job-instances takes it."""

    job_id: str
    job_name: str
    namespace: str
    status: str
    source: str = "crontopus"
    drift: bool = False
    reason: str | None = None


def tell(
    desired: Desired, inventory: Inventory, held: Collection[str], mended: Collection[str], at: datetime
) -> tuple[Told, ...]:
    """Return the jobs of this machine after a round, by id.

    held: ids of jobs whose removal waits. mended: ids of jobs whose lines somebody had changed, until this round.
    """
    told = {one.job_id: one for one in _stale(desired, inventory, held)}
    for job_id, wanted in desired.jobs.items():
        if wanted.job.enabled and not wanted.job.is_pinged:
            told[job_id] = _wanted(
                job_id, wanted.job, inventory, f"edited by hand, mended {to_text(at)}" if job_id in mended else None
            )
    return tuple(told[job_id] for job_id in sorted(told)[:MAX_TOLD])


def digest(told: Collection[Told]) -> str:
    """Return what tells one report from another."""
    return hashlib.sha256(json.dumps([asdict(one) for one in told]).encode()).hexdigest()


def _wanted(job_id: str, job: Job, inventory: Inventory, note: str | None) -> Told:
    if job.is_discovered:
        return Told(job_id, job.name, job.namespace, "paused" if job.paused else "scheduled", "discovered")
    if not job.is_scheduled:
        return Told(job_id, job.name, job.namespace, "paused")
    placed = inventory.jobs.get(job_id)
    if placed is None or placed.line is None:
        return Told(job_id, job.name, job.namespace, "error", drift=True, reason=_NOT_THERE)
    return Told(job_id, job.name, job.namespace, "scheduled", reason=note)


def _stale(desired: Desired, inventory: Inventory, held: Collection[str]) -> Iterator[Told]:
    """Yield the jobs that have a line and are not, or not readably, in the repository."""
    for job_id in inventory.lines.keys() - desired.jobs.keys():
        *folders, name = inventory.jobs[job_id].path.split("/")
        job_name, namespace = name.rpartition(".")[0], folders[0] if folders else "default"
        if job_id in held:
            yield Told(job_id, job_name, namespace, "scheduled", drift=True, reason=_HELD)
        else:
            yield Told(job_id, job_name, namespace, "error", drift=True, reason=_UNREADABLE)
