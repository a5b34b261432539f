"""Drift: what somebody did by hand to the entries that an agent had put into a scheduler."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from chalicelib.domain import schedule
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.manifest import Job
from chalicelib.domain.selector import matches

DriftKind = Literal["edited", "removed", "duplicated", "moved"]
# healed: it is as it was. left: it stays as it is. adopt: it stays, and is meant to become the repository's.
DriftDone = Literal["healed", "left", "adopt"]
DriftOutcome = Literal["recorded", "adopted", "duplicate"]
# An agent that was off for longer than this may be believed twice.
KNOWN_FOR = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class DriftEvent:
    """before, after: the entry as the agent wrote it, and as it was found; None where nothing was.

    at: by the agent's clock. schedule: what the edit makes of the job's, None where it takes the job out.
    """

    event_id: str
    job_id: str
    kind: DriftKind
    before: str
    after: str | None
    at: datetime
    done: DriftDone
    schedule: str | None


def objection(event: DriftEvent, job: Job, endpoint: Endpoint, tenants: Iterable[Endpoint]) -> str | None:
    """Return why an edit on this endpoint may not become the job's definition, None if it may.

    An endpoint's credential changes nothing that reaches further than the endpoint itself, and nothing but when a job runs.
    tenants: all endpoints there are. The edit must be of the schedule that the job has now: a newer commit counts for more.
    """
    if job.is_discovered or job.is_pinged or not job.schedule:
        return "the job is not one that agents schedule"
    if job.paused or not job.enabled:
        return "the job is paused already"
    if {one.endpoint_id for one in tenants if _is_meant(job, one)} != {endpoint.endpoint_id}:
        return "the job is meant for other machines too; change its manifest"
    if job.timezone and job.timezone != endpoint.facts.timezone:
        return "the job lives in another time zone than the machine; change its manifest"
    if not event.before.startswith(schedule.normalized(job.schedule) + " "):
        return "the manifest has another schedule by now"
    if event.schedule is None:
        return None if event.kind in ("edited", "removed") else "it says no schedule"
    return f"its schedule: {problem}" if (problem := schedule.problem(event.schedule)) else None


def _is_meant(job: Job, endpoint: Endpoint) -> bool:
    if endpoint.is_revoked:
        return False
    return matches(job.selector, endpoint.selectable, endpoint.labels) is not False
