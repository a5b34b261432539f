"""What happens to a job after it was created: it changes, moves, pauses, is adopted. Its id stays through all of it."""

from dataclasses import replace
from posixpath import dirname, splitext

from chalicelib.domain import discovery, manifest_patch, names
from chalicelib.domain.errors import Conflict, Forbidden, Invalid
from chalicelib.domain.manifest import Job
from chalicelib.forgejo.files import FileChange
from chalicelib.services import jobs, pings_lookup
from chalicelib.services.jobs import Listing, StoredJob, is_discovered, pick_job
from chalicelib.services.repository import Change, Repository


def update_job(
    repository: Repository, namespace: str, name: str, job: Job, change: Change, if_match: str | None
) -> tuple[StoredJob, str]:
    """Commit the new definition of `namespace`/`name` and return it with the commit; where `job` says another place, it moves.

    if_match: blob sha the caller has read; Conflict if the file is another by now, or if the new place is taken.
    Raise Forbidden for a discovered job that would move, Invalid for one that would stop, or begin, to count as discovered.
    """
    listing = jobs.list_jobs(repository)
    before = pick_job(listing, namespace, name)
    if if_match and if_match != before.sha:
        raise Conflict(f"job {namespace}/{name} changed since it was read; load it again and repeat the change")
    moves = job.reference != before.job.reference
    if moves and is_discovered(before.job):
        raise Forbidden(f"{namespace}/{name} is a discovered job and stays where it is; adopt it first")
    jobs.refuse_other_source(job, before.job)
    job = replace(job, id=before.job.id, tenant=before.job.tenant)
    to = f" to {job.reference}" if moves else ""
    subject = f"{'Move' if to else 'Change'} job {namespace}/{name}{to}"
    return _rewrite(repository, listing, before, job, _path(before, job), subject, change)


def set_paused(repository: Repository, namespace: str, name: str, change: Change, *, paused: bool) -> tuple[StoredJob, str]:
    """Pause or resume a job and return it with the commit, the newest one if it is so already.

    Raise Forbidden for a discovered job: its entry belongs to the application that created it.
    """
    listing = jobs.list_jobs(repository)
    before = pick_job(listing, namespace, name)
    if is_discovered(before.job):
        raise Forbidden(f"{namespace}/{name} is a discovered job, which runs without us; adopt it first")
    verb = "Pause" if paused else "Resume"
    job = replace(before.job, paused=paused)
    return _rewrite(repository, listing, before, job, before.path, f"{verb} job {namespace}/{name}", change)


def adopt(repository: Repository, namespace: str, name: str, target: str, change: Change) -> tuple[StoredJob, str]:
    """Make a discovered job ours, in the namespace `target`, and return it with the commit.

    Raise Conflict if it was not discovered, cannot be adopted, or its name is taken there, Invalid for a target where no job
    may be put.
    """
    if problem := names.job_namespace_problem(target):
        raise Invalid.of({"target_namespace": problem})
    listing = jobs.list_jobs(repository)
    before = pick_job(listing, namespace, name)
    if not is_discovered(before.job):
        raise Conflict(f"{namespace}/{name} is no discovered job; there is nothing to adopt")
    job = discovery.adopted(before.job, target)
    path = names.manifest_path(target, name)
    return _rewrite(repository, listing, before, job, path, f"Adopt job {namespace}/{name} as {target}/{name}", change)


def release(repository: Repository, namespace: str, name: str, change: Change) -> tuple[StoredJob, str]:
    """Give an adopted job back to the line it came from, and return it with the commit.

    Raise Conflict if it was never adopted, or another discovered job has its name.
    """
    listing = jobs.list_jobs(repository)
    before = pick_job(listing, namespace, name)
    job = discovery.released(before.job)
    path = names.manifest_path(job.namespace, job.name)
    return _rewrite(repository, listing, before, job, path, f"Release job {namespace}/{name}", change)


def adopt_edit(
    repository: Repository, before: StoredJob, schedule: str | None, where: str, change: Change
) -> tuple[StoredJob, str]:
    """Commit what somebody made of a job's crontab line by hand, and return the job with the commit.

    schedule: the new one, None where the line was taken out: then the job is paused. where: the machine, for the subject.
    """
    job = replace(before.job, schedule=schedule) if schedule else replace(before.job, paused=True)
    verb = "Change schedule of" if schedule else "Pause"
    subject = f"{verb} job {before.job.reference} as edited on {where}"
    return _rewrite(repository, jobs.list_jobs(repository), before, job, before.path, subject, change)


def _path(before: StoredJob, job: Job) -> str:
    """Return where the job lies from now on: in its folder, however deep, as long as the namespace stays."""
    if job.reference == before.job.reference:
        return before.path
    if job.namespace == before.job.namespace:
        return f"{dirname(before.path)}/{job.name}{splitext(before.path)[1]}"
    return names.manifest_path(job.namespace, job.name)


def _rewrite(
    repository: Repository, listing: Listing, before: StoredJob, job: Job, path: str, subject: str, change: Change
) -> tuple[StoredJob, str]:
    if job == before.job and path == before.path:
        # A pause that a ping has ended, and that is meant again, changes no file.
        pings_lookup.follow(repository.tenant_id, before.job, before.path, before.sha)
        return before, listing.commit or ""
    if job.reference != before.job.reference and jobs.is_taken(listing, job.namespace, job.name, besides=before.path):
        raise _taken(job)
    jobs.refuse_new_folder(listing, job.namespace)
    raw = manifest_patch.patched(before.raw, before.job, job, path)
    if path == before.path:
        files = [FileChange(path, raw.encode(), before.sha)]
    else:
        # One commit for both places: no clone ever holds the job twice, or not at all.
        files = [FileChange(path, raw.encode()), FileChange(before.path, sha=before.sha)]
    try:
        commit = repository.commit(files, subject, change)
    except Conflict as e:
        if path != before.path and jobs.is_taken(jobs.list_jobs(repository), job.namespace, job.name, besides=before.path):
            raise _taken(job) from e
        raise
    pings_lookup.follow(repository.tenant_id, job, path, commit.blobs[path])
    return StoredJob(job, path, commit.blobs[path], raw), commit.sha


def _taken(job: Job) -> Conflict:
    return Conflict(
        f"a job {job.name!r} is in namespace {job.namespace!r} already",
        problems={"name": f"is taken in namespace {job.namespace!r}; choose another name or namespace"},
    )
