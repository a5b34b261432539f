"""What `jobs apply` would do: decided here, without asking or changing anything."""

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from chalicelib.domain import manifest, yaml_source
from chalicelib.domain.errors import Invalid as InvalidManifest
from chalicelib.domain.manifest import Job
from chalicelib.domain.manifest_fields import IN_MANIFEST, written
from cli import references
from cli.answers import Body
from cli.errors import Failure, Invalid

# What frees a name comes before what takes it.
Action = Literal["move", "update", "create", "unchanged"]
_ORDER: tuple[Action, ...] = ("move", "update", "create", "unchanged")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A job as a file wants it."""

    file: str
    job: Job


@dataclass(frozen=True, slots=True)
class Step:
    """before: the job as the API has it, None where it has none."""

    action: Action
    wanted: Wanted
    before: Body | None

    @property
    def name(self) -> str:
        return references.shown(self.wanted.job.namespace, self.wanted.job.name)


def body_of(job: Job) -> Body:
    """Return the job as the API takes it."""
    fields = {key: written(job, place) for key, place in IN_MANIFEST.items()}
    return {key: value for key, value in fields.items() if value is not None}


def job_of(body: Body) -> Job:
    """Return the job that the API shows as this body. Fields that this version does not know are left out.

    Raise Failure if one that it knows has a value that it does not know.
    """
    document: dict[str, Any] = {"apiVersion": "v1", "kind": "Job"}
    for key, place in IN_MANIFEST.items():
        *sections, last = place.split(".")
        target = document
        for section in sections:
            target = target.setdefault(section, {})
        target[last] = body.get(key)
    try:
        job = manifest.read(yaml_source.Source(document), str(body["namespace"]), strict=False).job
    except InvalidManifest as e:
        name = references.shown(body["namespace"], body["name"])
        raise Failure(f"this version of crontopus cannot read the job {name}", problems=e.problems) from e
    return replace(job, id=body.get("id"))


def plan(wanted: Sequence[Wanted], existing: Iterable[Body]) -> list[Step]:
    """Return a step for each file. A job is known by its id, else by its place. Raise Invalid if two files want one job."""
    _refuse_twins(wanted)
    jobs = list(existing)
    by_id = {job["id"]: job for job in jobs if job.get("id")}
    by_place = {(job["namespace"], job["name"]): job for job in jobs}
    steps = []
    for one in wanted:
        before = by_id.get(one.job.id) or by_place.get((one.job.namespace, one.job.name))
        steps.append(Step(_action(one.job, before), one, before))
    return sorted(steps, key=lambda step: (_ORDER.index(step.action), step.name))


def diff(step: Step) -> str:
    """Return a unified diff of the job's manifest, empty where nothing changes. Comments do not count."""
    after = replace(step.wanted.job, tenant=None, id=step.before["id"] if step.before else step.wanted.job.id)
    old = manifest.dump(job_of(step.before)).splitlines() if step.before else []
    old_name = references.shown(step.before["namespace"], step.before["name"]) if step.before else "/dev/null"
    new = manifest.dump(after).splitlines()
    return "\n".join(difflib.unified_diff(old, new, old_name, f"{step.name} ({step.wanted.file})", lineterm=""))


def _action(job: Job, before: Body | None) -> Action:
    if before is None:
        return "create"
    if (before["namespace"], before["name"]) != (job.namespace, job.name):
        return "move"
    return "unchanged" if body_of(job) == body_of(job_of(before)) else "update"


def _refuse_twins(wanted: Sequence[Wanted]) -> None:
    places = Counter((one.job.namespace, one.job.name) for one in wanted)
    ids = Counter(one.job.id for one in wanted if one.job.id)
    problems = {}
    for one in wanted:
        if places[one.job.namespace, one.job.name] > 1:
            problems[one.file] = f"defines {references.shown(one.job.namespace, one.job.name)}, as another file does"
        elif one.job.id and ids[one.job.id] > 1:
            problems[one.file] = f"has the id {one.job.id}, as another file does"
    if problems:
        raise Invalid("two files want the same job", problems=problems)
