"""Of all jobs of the repository, those that this machine shall have, and in what form."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.guard import guarded
from agent.here import Here
from chalicelib.domain import dependencies
from chalicelib.domain.manifest import Job
from chalicelib.domain.selector import matches


@dataclass(frozen=True, slots=True)
class Defined:
    """One job of the repository. path: where it is defined. blob: the version it was read from."""

    job: Job
    path: str
    blob: str
    fields: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """One job to be had here. fields: its schedule as it stands in the crontab; is_guarded: widened, run-job decides.

    extras: what run-job has to know beyond the manifest.
    """

    job: Job
    path: str
    blob: str
    fields: str
    is_guarded: bool = False
    extras: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rest(self) -> str:
        """What the job's file depends on beside the manifest, as a text to compare; empty for most jobs."""
        return json.dumps(self.extras, sort_keys=True) if self.extras else ""


@dataclass(frozen=True, slots=True)
class Placed:
    """elsewhere: ids of jobs that are defined, and not for this machine or not possible on it."""

    jobs: Mapping[str, Wanted]
    elsewhere: frozenset[str]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


def place(defined: Mapping[str, Defined], here: Here, installed: Collection[str]) -> Placed:
    """Return what this machine shall have of the jobs, by id. installed: ids of jobs that have a line already."""
    problems: list[str] = []
    meant = {job_id: entry for job_id, entry in defined.items() if _is_meant(entry.job, here, job_id in installed)}
    for job_id, entry in list(meant.items()):
        if entry.job.is_scheduled and (problem := _obstacle(entry.job, here)):
            problems.append(f"{entry.path}: {problem}; the job is not scheduled on this machine")
            del meant[job_id]
    after = _after(meant)
    noted = {parent for parents in after.values() for _, parent in parents}
    jobs = {job_id: _wanted(entry, here, after.get(job_id, ()), job_id in noted) for job_id, entry in meant.items()}
    circle = dependencies.cycle({job_id: [parent for _, parent in parents] for job_id, parents in after.items()})
    if circle:
        names = " -> ".join(jobs[job_id].job.reference for job_id in circle)
        problems.append(f"{jobs[circle[0]].path}: spec.dependsOn: {names}: none of them will ever run")
    return Placed(jobs, frozenset(defined.keys() - jobs.keys()), tuple(problems), tuple(_unknown_parents(defined)))


def _is_meant(job: Job, here: Here, is_installed: bool) -> bool:
    is_match = matches(job.selector, here.facts, here.labels)
    # While the labels are not known, what is there stays and nothing comes.
    return is_installed if is_match is None else is_match


def _obstacle(job: Job, here: Here) -> str | None:
    """Return why this machine cannot have the job, or None."""
    if job.user and job.user != here.login:
        if not here.is_root:
            return f"spec.user: the agent runs as {here.login} and cannot start jobs as {job.user}"
        if job.user not in here.allowed_users:
            return f"spec.user: {job.user} is not among allowed_users in this agent's config.yaml"
    if job.timezone and job.timezone != here.timezone and not here.has_zone(job.timezone):
        return f"spec.timezone: this machine has no data for {job.timezone}; install tzdata"
    return None


def _after(meant: Mapping[str, Defined]) -> dict[str, list[tuple[str, str]]]:
    """Return id -> the parents that run on this machine too, by name and id."""
    running = {entry.job.reference: job_id for job_id, entry in meant.items() if entry.job.is_scheduled}
    found = {
        job_id: [(name, running[name]) for name in dependencies.parents(entry.job) if name in running]
        for job_id, entry in meant.items()
    }
    return {job_id: parents for job_id, parents in found.items() if parents}


def _wanted(entry: Defined, here: Here, after: Iterable[tuple[str, str]], is_noted: bool) -> Wanted:
    job = entry.job
    extras: dict[str, Any] = {}
    kept = guarded(entry.fields, job.timezone, here.timezone) if entry.fields and job.is_scheduled else None
    if kept and kept.guard:
        extras["guard"] = kept.guard
    if job.user and job.user != here.login:
        extras["user"] = job.user
    if parents := [list(parent) for parent in after]:
        extras["after"] = parents
        if job.timezone and job.timezone != here.timezone:
            extras["zone"] = job.timezone
    if is_noted:
        extras["is_noted"] = True
    return Wanted(job, entry.path, entry.blob, kept.fields if kept else entry.fields, bool(kept and kept.guard), extras)


def _unknown_parents(defined: Mapping[str, Defined]) -> Iterable[str]:
    known = {entry.job.reference for entry in defined.values()}
    for entry in defined.values():
        for name in dependencies.parents(entry.job):
            if name not in known:
                yield f"{entry.path}: spec.dependsOn: no manifest defines {name}; it counts as met"
