"""Jobs: definitions in the tenant's repository. Nothing about them is stored anywhere else; the cache is keyed by commit."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from chalicelib.domain import ids, manifest, names
from chalicelib.domain.errors import Conflict, Forbidden, Invalid, NotFound
from chalicelib.domain.manifest import Job
from chalicelib.forgejo.files import FileChange
from chalicelib.services.repository import Change, Repository

CACHED_LISTINGS = 32
DISCOVERED_REFUSAL = "Cannot delete discovered jobs. Remove using the application that created it, or adopt it first."


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job as it stands in the repository. sha: of the file's blob. raw: its text."""

    job: Job
    path: str
    sha: str
    raw: str


@dataclass(frozen=True, slots=True)
class BrokenManifest:
    path: str
    problems: dict[str, str]


@dataclass(frozen=True, slots=True)
class Listing:
    """All jobs of one commit. commit: None while the repository is empty."""

    commit: str | None
    jobs: tuple[StoredJob, ...] = ()
    broken: tuple[BrokenManifest, ...] = ()


_listings: OrderedDict[tuple[str, str, str], Listing] = OrderedDict()


def list_jobs(repository: Repository) -> Listing:
    """Return every job and every broken manifest: three forge calls, one if nothing was committed since."""
    commit = repository.head()
    if commit is None:
        return Listing(None)
    key = (repository.owner, repository.name, commit)
    if key not in _listings:
        _listings[key] = _read_all(repository, commit)
        if len(_listings) > CACHED_LISTINGS:
            _listings.popitem(last=False)
    _listings.move_to_end(key)
    return _listings[key]


def _read_all(repository: Repository, commit: str) -> Listing:
    jobs: list[StoredJob] = []
    broken: list[BrokenManifest] = []
    for file in repository.forge.read_all(repository.owner, repository.name, commit).values():
        if not _is_manifest(file.path):
            continue
        try:
            job = manifest.parse(file.content, file.path, strict=True).job
            jobs.append(StoredJob(job, file.path, file.sha, file.content.decode()))
        except Invalid as e:
            broken.append(BrokenManifest(file.path, e.problems))
    jobs.sort(key=lambda stored: (stored.job.namespace, stored.job.name))
    return Listing(commit, tuple(jobs), tuple(broken))


def _is_manifest(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return bool(folder) and name.endswith((".yaml", ".yml")) and name != "namespace.yaml" and not name.startswith(".")


def load_job(repository: Repository, namespace: str, name: str) -> StoredJob:
    """Return one job. Raise NotFound if there is no file, Invalid with its problems if it cannot be read."""
    if names.name_problem(namespace) or names.name_problem(name):
        raise NotFound(_no_job(namespace, name))
    path = names.manifest_path(namespace, name)
    try:
        file = repository.forge.read_file(repository.owner, repository.name, path)
    except NotFound as e:
        raise NotFound(_no_job(namespace, name)) from e
    job = manifest.parse(file.content, path, strict=True).job
    return StoredJob(job, path, file.sha, file.content.decode())


def create_job(repository: Repository, job: Job, change: Change, random: Callable[[int], bytes]) -> tuple[StoredJob, str]:
    """Commit a new job, give it its id, and return it with the commit. Raise Conflict if the name is taken."""
    job = replace(job, id=ids.uuid4_from(random(16)))
    raw = manifest.dump(job)
    path = names.manifest_path(job.namespace, job.name)
    try:
        commit = repository.commit([FileChange(path, raw.encode())], f"Create job {job.namespace}/{job.name}", change)
    except Conflict as e:
        raise Conflict(
            f"a job {job.name!r} is in namespace {job.namespace!r} already",
            problems={"name": "is taken in this namespace; choose another, or change the existing job"},
        ) from e
    return StoredJob(job, path, commit.blobs[path], raw), commit.sha


def update_job(repository: Repository, job: Job, change: Change, if_match: str | None) -> tuple[StoredJob, str]:
    """Commit a job's new definition under its old id and return it with the commit.

    if_match: blob sha the caller has read; Conflict if the file is another by now.
    """
    before = load_job(repository, job.namespace, job.name)
    if if_match and if_match != before.sha:
        raise Conflict(f"job {job.namespace}/{job.name} changed since it was read; load it again and repeat the change")
    job = replace(job, id=before.job.id)
    raw = manifest.dump(job)
    if raw == before.raw:
        return before, repository.head() or ""
    update = FileChange(before.path, raw.encode(), before.sha)
    commit = repository.commit([update], f"Change job {job.namespace}/{job.name}", change)
    return StoredJob(job, before.path, commit.blobs[before.path], raw), commit.sha


def delete_job(repository: Repository, namespace: str, name: str, change: Change) -> str:
    """Commit the removal of a job and return the commit. Raise Forbidden for a discovered one, NotFound if there is none."""
    before = _existing_file(repository, namespace, name)
    deletion = FileChange(names.manifest_path(namespace, name), sha=before)
    return repository.commit([deletion], f"Delete job {namespace}/{name}", change).sha


def _existing_file(repository: Repository, namespace: str, name: str) -> str:
    """Return the blob sha of a job that may be deleted; a broken manifest may."""
    try:
        stored = load_job(repository, namespace, name)
    except Invalid:
        return repository.forge.read_file(repository.owner, repository.name, names.manifest_path(namespace, name)).sha
    if stored.job.labels.get("source") == names.DISCOVERED:
        raise Forbidden(DISCOVERED_REFUSAL)
    return stored.sha


def _no_job(namespace: str, name: str) -> str:
    return f"no job {name!r} in namespace {namespace!r}"
