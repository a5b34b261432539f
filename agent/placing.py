"""Of all jobs of the repository, those that this machine shall have, and in what form."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agent.guard import guarded
from agent.here import Here
from agent.schedulers import triggers
from agent.schedulers.clock_changes import clock_of
from chalicelib.domain import dependencies
from chalicelib.domain.manifest import Job
from chalicelib.domain.schedule import REBOOT
from chalicelib.domain.selector import matches


@dataclass(frozen=True, slots=True)
class Wanted:
    """One job to be had. path: where it is defined. blob: the version it was read from.

    fields: its schedule as the scheduler takes it; is_guarded: widened, run-job decides. extras: what run-job has to know
    beyond the manifest; rest: the same as a text to compare, empty for most jobs.
    """

    job: Job
    path: str
    blob: str
    fields: str
    is_guarded: bool = False
    extras: Mapping[str, Any] = field(default_factory=dict)
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """elsewhere: ids of jobs that are defined, and not for this machine or not possible on it."""

    jobs: Mapping[str, Wanted]
    elsewhere: frozenset[str]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


def place(defined: Mapping[str, Wanted], here: Here, installed: Collection[str]) -> Placed:
    """Return what this machine shall have of the jobs, by id. installed: ids of jobs that have a line already."""
    if here.keep is guarded and not any(_depends_on_the_machine(entry.job) for entry in defined.values()):
        return Placed(defined, frozenset(), (), ())
    problems: list[str] = []
    meant: dict[str, Wanted] = {}
    for job_id, entry in defined.items():
        if not _is_meant(entry.job, here, job_id in installed):
            continue
        if problem := _obstacle(entry, here):
            problems.append(f"{entry.path}: {problem}; the job is not scheduled on this machine")
            continue
        meant[job_id] = entry
    after = _after(meant)
    noted = {parent for parents in after.values() for _, parent in parents}
    jobs = {job_id: _adapted(entry, here, after.get(job_id), job_id in noted) for job_id, entry in meant.items()}
    if circle := dependencies.cycle({job_id: [parent for _, parent in parents] for job_id, parents in after.items()}):
        names = " -> ".join(jobs[job_id].job.reference for job_id in circle)
        problems.append(f"{jobs[circle[0]].path}: spec.dependsOn: {names}: none of them will ever run")
    elsewhere = frozenset(defined.keys() - jobs.keys())
    warnings = (*_unknown_parents(defined), *_waiting_for_labels([defined[job_id] for job_id in elsewhere], here))
    return Placed(jobs, elsewhere, tuple(problems), warnings)


def _depends_on_the_machine(job: Job) -> bool:
    return bool(job.selector or job.user or job.timezone or job.depends_on) or job.is_pinged


def _is_meant(job: Job, here: Here, is_installed: bool) -> bool:
    if job.is_pinged:
        return False
    is_match = matches(job.selector, here.facts, here.labels) if job.selector else True
    # While the labels are not known, what is there stays and nothing comes.
    return is_installed if is_match is None else is_match


def _obstacle(entry: Wanted, here: Here) -> str | None:
    """Return why this machine cannot have the job, or None."""
    job = entry.job
    if not job.is_scheduled:
        return None
    if entry.fields == REBOOT and not here.has_reboot:
        return "spec.schedule: this machine's cron does not know @reboot; name times, or install another cron"
    if job.user is None and job.timezone is None:
        return None
    if job.user and job.user != here.login:
        if not here.is_root:
            return f"spec.user: the agent runs as {here.login} and cannot start jobs as {job.user}"
        if job.user not in here.allowed_users:
            return f"spec.user: {job.user} is not among allowed_users in this agent's config.yaml"
    if job.timezone and job.timezone != here.timezone and not here.has_zone(job.timezone):
        return f"spec.timezone: this machine has no data for {job.timezone}; install tzdata"
    return None


def _after(meant: Mapping[str, Wanted]) -> dict[str, list[tuple[str, str]]]:
    """Return id -> the parents that run on this machine too, by name and id."""
    waiting = {job_id: entry.job for job_id, entry in meant.items() if entry.job.depends_on}
    if not waiting:
        return {}
    running = {entry.job.reference: job_id for job_id, entry in meant.items() if entry.job.is_scheduled}
    found = {
        job_id: [(name, running[name]) for name in dependencies.parents(job) if name in running]
        for job_id, job in waiting.items()
    }
    return {job_id: parents for job_id, parents in found.items() if parents}


def _adapted(entry: Wanted, here: Here, after: Iterable[tuple[str, str]] | None, is_noted: bool) -> Wanted:
    job = entry.job
    if not job.is_scheduled or (here.keep is guarded and not (after or is_noted or job.user or job.timezone)):
        return entry
    extras: dict[str, Any] = {}
    kept = here.keep(entry.fields, job.timezone, here.timezone)
    if kept.guard:
        extras["guard"] = kept.guard
    if job.user and job.user != here.login:
        extras["user"] = job.user
    if after:
        extras["after"] = [list(parent) for parent in after]
        if job.timezone and job.timezone != here.timezone:
            extras["zone"] = job.timezone
            if here.keep is triggers.kept:  # run-job has no data of zones there
                extras["clock"] = clock_of(job.timezone).table
    if is_noted:
        extras["is_noted"] = True
    rest = json.dumps(extras, sort_keys=True) if extras else ""
    return replace(entry, fields=kept.fields, is_guarded=kept.guard is not None, extras=extras, rest=rest)


def _waiting_for_labels(elsewhere: Iterable[Wanted], here: Here) -> Iterable[str]:
    count = sum(here.labels is None and matches(entry.job.selector, here.facts, None) is None for entry in elsewhere)
    if count:
        yield f"jobs that ask for labels of this machine: {count}; they stay out until its first heartbeat has told them"


def _unknown_parents(defined: Mapping[str, Wanted]) -> Iterable[str]:
    waiting = [entry for entry in defined.values() if entry.job.depends_on]
    known = {entry.job.reference for entry in defined.values()} if waiting else set()
    for entry in waiting:
        for name in dependencies.parents(entry.job):
            if name not in known:
                yield f"{entry.path}: spec.dependsOn: no manifest defines {name}; it counts as met"
