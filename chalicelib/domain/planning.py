"""What a change of the repository would do to the machines: for each endpoint the entries that come, change and go."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.manifest import Job
from chalicelib.domain.selector import matches


@dataclass(frozen=True, slots=True)
class Entry:
    """One job on one endpoint. was: what stands there now, None for a new one. becomes: None for one that goes."""

    was: Job | None
    becomes: Job | None

    @property
    def job(self) -> Job:
        job = self.becomes or self.was
        assert job is not None  # noqa: S101 - one of them is there
        return job


@dataclass(frozen=True, slots=True)
class EndpointPlan:
    endpoint: Endpoint
    added: tuple[Entry, ...]
    changed: tuple[Entry, ...]
    removed: tuple[Entry, ...]

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.changed or self.removed)


def plan(before: Sequence[Job], after: Sequence[Job], endpoints: Iterable[Endpoint]) -> list[EndpointPlan]:
    """Return what would happen on each endpoint, those where nothing would among them.

    A job is known by its id; one that has none yet by its name.
    """
    return [_on(endpoint, _meant(before, endpoint), _meant(after, endpoint)) for endpoint in endpoints]


def _on(endpoint: Endpoint, here: Mapping[str, Job], wanted: Mapping[str, Job]) -> EndpointPlan:
    added = tuple(Entry(None, job) for key, job in wanted.items() if key not in here)
    removed = tuple(Entry(job, None) for key, job in here.items() if key not in wanted)
    changed = tuple(Entry(here[key], job) for key, job in wanted.items() if key in here and here[key] != job)
    return EndpointPlan(endpoint, added, changed, removed)


def _meant(jobs: Sequence[Job], endpoint: Endpoint) -> dict[str, Job]:
    meant = (job for job in jobs if job.is_scheduled and matches(job.selector, endpoint.selectable, endpoint.labels))
    return {job.id or job.reference: job for job in meant}


def warnings(before: Sequence[Job], after: Sequence[Job], plans: Sequence[EndpointPlan]) -> list[str]:
    """Return what somebody may not have meant."""
    found = []
    known = {job.id or job.reference: job for job in before}
    for job in after:
        old = known.get(job.id or job.reference)
        is_new = old is None or (old.selector, old.is_scheduled) != (job.selector, job.is_scheduled)
        if is_new and job.is_scheduled and not any(_has(plan, job) for plan in plans):
            found.append(f"{job.reference}: no endpoint fits its selector" if job.selector else f"{job.reference}: no endpoint")
    for plan_ in plans:
        gone, here = len(plan_.removed), sum(job.is_scheduled for job in before)
        if gone > 1 and gone * 2 > here:
            name = plan_.endpoint.facts.name
            found.append(f"{name}: {gone} entries would go at once; its agent holds that back until somebody approves")
    return found


def _has(plan_: EndpointPlan, job: Job) -> bool:
    return bool(matches(job.selector, plan_.endpoint.selectable, plan_.endpoint.labels))
