"""Jobs: definitions in the tenant's repository. Nothing about them is stored anywhere else; the cache is keyed by commit."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from chalicelib.domain import ids, manifest, names, namespaces
from chalicelib.domain.errors import Conflict, Forbidden, Invalid, NotFound
from chalicelib.domain.manifest import Job
from chalicelib.forgejo.files import File, FileChange
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
    """All jobs of one commit. commit: None while the repository is empty.

    folders: the repository's top folders, and what is in their namespace.yaml, None without one.
    """

    commit: str | None
    jobs: tuple[StoredJob, ...] = ()
    broken: tuple[BrokenManifest, ...] = ()
    folders: Mapping[str, bytes | None] = field(default_factory=dict)


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
    files = repository.forge.read_all(repository.owner, repository.name, commit)
    for file in files.values():
        if not is_manifest(file.path):
            continue
        try:
            job = manifest.parse(file.content, file.path, strict=True, tenant=repository.tenant_id).job
            jobs.append(StoredJob(job, file.path, file.sha, file.content.decode()))
        except Invalid as e:
            broken.append(BrokenManifest(file.path, e.problems))
    jobs.sort(key=lambda stored: (stored.job.namespace, stored.job.name))
    return Listing(commit, tuple(jobs), tuple(broken), _folders(files))


def _folders(files: Mapping[str, File]) -> dict[str, bytes | None]:
    found = {path.split("/")[0] for path in files if "/" in path}
    described = {name: files.get(f"{name}/{namespaces.FILE}") for name in found}
    return {name: file.content if file else None for name, file in described.items()}


def is_manifest(path: str) -> bool:
    """Tell whether the file at this path is meant to define a job."""
    folder, _, name = path.rpartition("/")
    return bool(folder) and name.endswith((".yaml", ".yml")) and name != namespaces.FILE and not name.startswith(".")


def is_discovered(job: Job) -> bool:
    """Tell whether the job was found on an endpoint, and is not ours to run."""
    return job.labels.get("source") == names.DISCOVERED


def load_job(repository: Repository, namespace: str, name: str) -> StoredJob:
    """Return one job. Raise NotFound if there is no file, Invalid with its problems if it cannot be read."""
    if names.name_problem(namespace) or names.name_problem(name):
        raise NotFound(_no_job(namespace, name))
    path = names.manifest_path(namespace, name)
    try:
        file = repository.forge.read_file(repository.owner, repository.name, path)
    except NotFound as e:
        raise NotFound(_no_job(namespace, name)) from e
    job = manifest.parse(file.content, path, strict=True, tenant=repository.tenant_id).job
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
    if is_discovered(stored.job):
        raise Forbidden(DISCOVERED_REFUSAL)
    return stored.sha


def _no_job(namespace: str, name: str) -> str:
    return f"no job {name!r} in namespace {namespace!r}"
