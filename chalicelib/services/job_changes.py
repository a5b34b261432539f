"""What happens to a job after it was created: it changes, moves, pauses, is adopted. Its id stays through all of it."""

from dataclasses import replace

from chalicelib.domain import manifest, names
from chalicelib.domain.errors import Conflict, Forbidden, Invalid, NotFound
from chalicelib.domain.manifest import Job
from chalicelib.forgejo.files import FileChange
from chalicelib.services.jobs import StoredJob, is_discovered, load_job
from chalicelib.services.repository import Change, Repository


def update_job(
    repository: Repository, namespace: str, name: str, job: Job, change: Change, if_match: str | None
) -> tuple[StoredJob, str]:
    """Commit the new definition of `namespace`/`name` and return it with the commit; where `job` says another place, it moves.

    if_match: blob sha the caller has read; Conflict if the file is another by now, or if the new place is taken.
    Raise Forbidden for a discovered job that would move.
    """
    before = load_job(repository, namespace, name)
    if if_match and if_match != before.sha:
        raise Conflict(f"job {namespace}/{name} changed since it was read; load it again and repeat the change")
    path = names.manifest_path(job.namespace, job.name)
    if path != before.path and is_discovered(before.job):
        raise Forbidden(f"{namespace}/{name} is a discovered job and stays where it is; adopt it first")
    job = replace(job, id=before.job.id, tenant=before.job.tenant)
    to = f" to {job.namespace}/{job.name}" if path != before.path else ""
    return _rewrite(repository, before, job, path, f"{'Move' if to else 'Change'} job {namespace}/{name}{to}", change)


def set_paused(repository: Repository, namespace: str, name: str, change: Change, *, paused: bool) -> tuple[StoredJob, str]:
    """Pause or resume a job and return it with the commit, the newest one if it is so already.

    Raise Forbidden for a discovered job: its entry belongs to the application that created it.
    """
    before = load_job(repository, namespace, name)
    if is_discovered(before.job):
        raise Forbidden(f"{namespace}/{name} is a discovered job, which runs without us; adopt it first")
    verb = "Pause" if paused else "Resume"
    job = replace(before.job, paused=paused)
    return _rewrite(repository, before, job, before.path, f"{verb} job {namespace}/{name}", change)


def adopt(repository: Repository, namespace: str, name: str, target: str, change: Change) -> tuple[StoredJob, str]:
    """Make a discovered job ours, in the namespace `target`, and return it with the commit.

    Raise Conflict if it was not discovered or its name is taken there, Invalid for a target where no job may be put.
    """
    if problem := names.job_namespace_problem(target):
        raise Invalid.of({"target_namespace": problem})
    before = load_job(repository, namespace, name)
    if not is_discovered(before.job):
        raise Conflict(f"{namespace}/{name} is no discovered job; there is nothing to adopt")
    labels = {key: value for key, value in before.job.labels.items() if key != "source"}
    job = replace(before.job, namespace=target, labels=labels)
    path = names.manifest_path(target, name)
    return _rewrite(repository, before, job, path, f"Adopt job {namespace}/{name} as {target}/{name}", change)


def _rewrite(
    repository: Repository, before: StoredJob, job: Job, path: str, subject: str, change: Change
) -> tuple[StoredJob, str]:
    if job == before.job and path == before.path:
        return before, repository.head() or ""
    raw = manifest.dump(job)
    if path == before.path:
        files = [FileChange(path, raw.encode(), before.sha)]
    else:
        # One commit for both places: no clone ever holds the job twice, or not at all.
        files = [FileChange(path, raw.encode()), FileChange(before.path, sha=before.sha)]
    try:
        commit = repository.commit(files, subject, change)
    except Conflict as e:
        if path != before.path and _is_taken(repository, path):
            raise _taken(job) from e
        raise
    return StoredJob(job, path, commit.blobs[path], raw), commit.sha


def _is_taken(repository: Repository, path: str) -> bool:
    try:
        repository.forge.read_file(repository.owner, repository.name, path)
    except NotFound:
        return False
    return True


def _taken(job: Job) -> Conflict:
    return Conflict(
        f"a job {job.name!r} is in namespace {job.namespace!r} already",
        problems={"name": f"is taken in namespace {job.namespace!r}; choose another name or namespace"},
    )
