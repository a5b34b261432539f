"""Which jobs a list shows, and how far."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from chalicelib.domain.errors import Invalid
from chalicelib.domain.manifest import Job
from chalicelib.services.jobs import StoredJob, is_discovered, place_of

JobState = Literal["enabled", "paused", "disabled", "discovered"]
# What one answer may hold: the gateway's limit is 6 MB, and JSON may write a character in six bytes.
MAX_PAGE_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class JobFilter:
    """What a job must be to be shown. text: part of its name, command, schedule or a label, in any case. None takes all."""

    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    state: JobState | None = None

    def takes(self, job: Job) -> bool:
        return (
            self.namespace in (None, job.namespace)
            and self.state in (None, state_of(job))
            and all(job.labels.get(key) == value for key, value in self.labels.items())
            and (self.text is None or self._is_in(job, self.text.lower()))
        )

    @staticmethod
    def _is_in(job: Job, text: str) -> bool:
        labels = (f"{key}={value}" for key, value in job.labels.items())
        return any(text in word.lower() for word in (job.name, job.command or "", job.schedule or "", *labels))


@dataclass(frozen=True, slots=True)
class Page:
    """next: where the page after it begins, None on the last one."""

    jobs: tuple[StoredJob, ...]
    next: str | None


def state_of(job: Job) -> JobState:
    """Return how a job stands: of what several could be said, the first of discovered, disabled, paused."""
    if is_discovered(job):
        return "discovered"
    if not job.enabled:
        return "disabled"
    return "paused" if job.paused else "enabled"


def labels_of(words: Sequence[str]) -> dict[str, str]:
    """Return the labels that `key=value` words name; one word may hold several, with commas between. Raise Invalid."""
    labels: dict[str, str] = {}
    for part in (part for word in words for part in word.split(",") if part):
        key, equals, value = part.partition("=")
        if not (key and equals):
            raise Invalid.of({"label": f"{part!r} is no label; write key=value"})
        if labels.setdefault(key, value) != value:
            raise Invalid.of({"label": f"no job has two values of {key!r}"})
    return labels


def page_of(jobs: Sequence[StoredJob], size: int, number: int | None, after: str | None) -> Page:
    """Return one page of jobs that are in order.

    number: which one, from 1; after: what the page before gave as `next`, which holds although jobs come and go. A page
    ends early where its manifests are large. Raise Invalid for both, or for an `after` that no page gave.
    """
    if number is not None and after is not None:
        raise Invalid.of({"next": "says where to go on, and so does page; keep one of them"})
    start = bisect_right(jobs, _place(after), key=place_of) if after else ((number or 1) - 1) * size
    shown: list[StoredJob] = []
    held = 0
    for stored in jobs[start : start + size]:
        held += len(stored.raw)
        if shown and held > MAX_PAGE_BYTES:
            break
        shown.append(stored)
    is_last = start + len(shown) >= len(jobs)
    return Page(tuple(shown), None if is_last or not shown else f"{shown[-1].job.name}@{shown[-1].path}")


def _place(after: str) -> tuple[str, str, str]:
    name, at, path = after.partition("@")
    if not (at and "/" in path):
        raise Invalid.of({"next": "is not what a page before gave; leave it out to begin"})
    return path.partition("/")[0], name, path
