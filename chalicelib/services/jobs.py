"""Jobs: definitions in the tenant's repository. Nothing about them is stored anywhere else; the cache is keyed by commit."""

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from posixpath import basename, splitext

from chalicelib.domain import dependencies, ids, manifest, names, namespaces, quotas
from chalicelib.domain.errors import Conflict, Forbidden, Invalid, NotFound
from chalicelib.domain.manifest import Job
from chalicelib.forgejo.files import File, FileChange
from chalicelib.services import pings_lookup
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
    """A file that cannot be used as it stands. sha: of its blob."""

    path: str
    problems: dict[str, str]
    sha: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """All jobs of one commit. commit: None while the repository is empty.

    folders: the repository's top folders, and what is in their namespace.yaml, None without one.
    """

    commit: str | None
    jobs: tuple[StoredJob, ...] = ()
    broken: tuple[BrokenManifest, ...] = ()
    folders: Mapping[str, bytes | None] = field(default_factory=dict)


# The newest commit of each repository: the one before is never asked for again.
_listings: OrderedDict[tuple[str, str], Listing] = OrderedDict()


def list_jobs(repository: Repository) -> Listing:
    """Return every job and every broken manifest: three forge calls, one if nothing was committed since."""
    commit = repository.head()
    if commit is None:
        return Listing(None)
    key = (repository.owner, repository.name)
    known = _listings.get(key)
    if known is None or known.commit != commit:
        _listings[key] = read_commit(repository, commit, known)
        if len(_listings) > CACHED_LISTINGS:
            _listings.popitem(last=False)
    _listings.move_to_end(key)
    return _listings[key]


def read_commit(repository: Repository, commit: str, known: Listing | None = None) -> Listing:
    """Return the jobs of one commit: two forge calls. known: of another commit; what both have is not parsed again."""
    parsed = {(stored.path, stored.sha): stored for stored in known.jobs} if known else {}
    jobs: list[StoredJob] = []
    broken: list[BrokenManifest] = []
    files = repository.forge.read_all(repository.owner, repository.name, commit)
    for file in files.values():
        if not is_manifest(file.path):
            continue
        try:
            jobs.append(parsed.get((file.path, file.sha)) or read_job(file, repository.tenant_id))
        except Invalid as e:
            broken.append(BrokenManifest(file.path, e.problems, file.sha))
    jobs.sort(key=place_of)
    return Listing(commit, tuple(jobs), tuple(broken), _folders(files))


def place_of(stored: StoredJob) -> tuple[str, str, str]:
    """Return what jobs are ordered by."""
    return stored.job.namespace, stored.job.name, stored.path


def read_job(file: File, tenant_id: str) -> StoredJob:
    """Return the job that a file defines. Raise Invalid with every problem found."""
    namespace = namespace_of(file.path)
    if problem := names.name_problem(namespace):
        raise Invalid.of({"path": f"{namespace!r} is no namespace: {problem}"})
    job = manifest.parse(file.content, file.path, strict=True, tenant=tenant_id).job
    return StoredJob(job, file.path, file.sha, file.content.decode())


def _folders(files: Mapping[str, File]) -> dict[str, bytes | None]:
    found = {namespace_of(path) for path in files if "/" in path}
    described = {name: files.get(f"{name}/{namespaces.FILE}") for name in found}
    return {name: file.content if file else None for name, file in described.items()}


def namespace_of(path: str) -> str:
    """Return the namespace that a file lies in, however deep."""
    return path.partition("/")[0]


def is_manifest(path: str) -> bool:
    """Tell whether the file at this path is meant to define a job; a hidden folder, such as a workflow's, holds none."""
    *folders, name = path.split("/")
    is_yaml = name.endswith((".yaml", ".yml")) and (len(folders) > 1 or name != namespaces.FILE)
    return bool(folders) and is_yaml and not any(part.startswith(".") for part in (*folders, name))


def is_discovered(job: Job) -> bool:
    """Tell whether the job was found on an endpoint, and is not ours to run."""
    return job.is_discovered


def doubles(listing: Listing) -> Iterator[BrokenManifest]:
    """Yield the files whose job shares its name, or its id, with another file's, or depends on what cannot be."""
    by_name = Counter(stored.job.reference for stored in listing.jobs)
    by_id = Counter(stored.job.id for stored in listing.jobs if stored.job.id)
    parents = dependencies.problems([stored.job for stored in listing.jobs])
    for stored in listing.jobs:
        problems = {}
        if (times := by_name[stored.job.reference]) > 1:
            problems["metadata.name"] = f"stands in {times} files of this namespace; rename the job in all but one"
        if stored.job.id and (times := by_id[stored.job.id]) > 1:
            problems["metadata.id"] = f"stands in {times} files; a copy needs an id of its own"
        if problem := parents.get(stored.job.reference):
            problems["spec.dependsOn"] = problem
        if problems:
            yield BrokenManifest(stored.path, problems, stored.sha)


def refuse_other_source(job: Job, before: Job | None = None) -> None:
    """Raise Invalid if the label `source` says of the job what only a report of an endpoint, or an adoption, may say."""
    if is_discovered(job) != (before is not None and is_discovered(before)):
        why = "adopt the job instead" if before and is_discovered(before) else "only an endpoint's report may say this"
        raise Invalid.of({"labels": f"source: {names.DISCOVERED} is kept by the system; {why}"})


def load_job(repository: Repository, namespace: str, name: str) -> StoredJob:
    """Return one job, in whatever file of its namespace it stands.

    Raise NotFound if there is none, Invalid with its problems if it cannot be read, Conflict if several files define it.
    """
    return pick_job(list_jobs(repository), namespace, name)


def pick_job(listing: Listing, namespace: str, name: str) -> StoredJob:
    """Return one job of a listing; see `load_job`."""
    found = [stored for stored in listing.jobs if (stored.job.namespace, stored.job.name) == (namespace, name)]
    if len(found) > 1:
        paths = ", ".join(stored.path for stored in found)
        message = f"{len(found)} files define a job {name!r} in namespace {namespace!r}: {paths}; rename or remove all but one"
        raise Conflict(message, code="ambiguous")
    if found:
        return found[0]
    if broken := _broken_at(listing, namespace, name):
        raise Invalid.of(broken.problems)
    raise NotFound(f"no job {name!r} in namespace {namespace!r}")


def is_taken(listing: Listing, namespace: str, name: str, *, besides: str | None = None) -> bool:
    """Tell whether a file other than `besides` has this name in the namespace, be it readable or not."""
    holders = {stored.path for stored in listing.jobs if (stored.job.namespace, stored.job.name) == (namespace, name)}
    broken = _broken_at(listing, namespace, name)
    return bool((holders | ({broken.path} if broken else set())) - {besides})


def _broken_at(listing: Listing, namespace: str, name: str) -> BrokenManifest | None:
    """Return the unreadable file that goes by this name: nobody knows what it says, so its own name has to do."""
    at = (item for item in listing.broken if (namespace_of(item.path), _stem(item.path)) == (namespace, name))
    return next(at, None)


def _stem(path: str) -> str:
    return splitext(basename(path))[0]


def create_job(
    repository: Repository, job: Job, change: Change, random: Callable[[int], bytes], *, key: str | None = None
) -> tuple[StoredJob, str]:
    """Commit a new job, give it its id, and return it with the commit. Raise Conflict if the name is taken.

    key: what the caller gives this creation each time it asks for it. The id follows from it, so that a job of an earlier
    try, whose answer was lost, is known as this one.
    """
    refuse_other_source(job)
    listing = list_jobs(repository)
    made = _id_of(repository, job, key) if key else ids.uuid4_from(random(16))
    known = next((stored for stored in listing.jobs if stored.job.id == made), None)
    if known and known.job == replace(job, id=made):
        return known, listing.commit or ""
    if is_taken(listing, job.namespace, job.name):
        raise taken(job)
    refuse_more(listing, 1)
    refuse_new_folder(listing, job.namespace)
    job = replace(job, id=ids.uuid4_from(random(16)) if known else made)
    raw = manifest.dump(job)
    path = names.manifest_path(job.namespace, job.name)
    try:
        commit = repository.commit([FileChange(path, raw.encode())], f"Create job {job.reference}", change)
    except Conflict as e:
        raise taken(job) from e
    pings_lookup.follow(repository.tenant_id, job, path, commit.blobs[path])
    return StoredJob(job, path, commit.blobs[path], raw), commit.sha


def _id_of(repository: Repository, job: Job, key: str) -> str:
    facts = ("created", repository.owner, repository.tenant_id, job.reference, key)
    return ids.uuid4_from(hashlib.sha256("\0".join(facts).encode()).digest())


def taken(job: Job) -> Conflict:
    """Return the error for a name that another job has."""
    return Conflict(
        f"a job {job.name!r} is in namespace {job.namespace!r} already",
        problems={"name": "is taken in this namespace; choose another, or change the existing job"},
    )


def refuse_more(listing: Listing, count: int) -> None:
    """Raise Conflict if the tenant may not have that many more jobs."""
    if len(listing.jobs) + len(listing.broken) + count > quotas.MAX_JOBS:
        raise Conflict(quotas.too_many("jobs", quotas.MAX_JOBS), code="limit_reached")


def refuse_new_folder(listing: Listing, namespace: str) -> None:
    """Raise Conflict if the namespace would be one more than a tenant may have."""
    folders = {name for name in listing.folders if not names.name_problem(name)} | names.SYSTEM_NAMESPACES
    if namespace not in folders and len(folders) >= quotas.MAX_NAMESPACES:
        raise Conflict(quotas.too_many("namespaces", quotas.MAX_NAMESPACES), code="limit_reached")


def delete_job(repository: Repository, namespace: str, name: str, change: Change) -> str:
    """Commit the removal of a job, even one whose manifest is broken, and return the commit.

    Raise Forbidden for a discovered one, NotFound if there is none.
    """
    listing = list_jobs(repository)
    try:
        stored = pick_job(listing, namespace, name)
        if is_discovered(stored.job):
            raise Forbidden(DISCOVERED_REFUSAL)
        deletion = FileChange(stored.path, sha=stored.sha)
    except Invalid:
        broken = _broken_at(listing, namespace, name)
        if broken is None:
            raise
        deletion = FileChange(broken.path, sha=broken.sha)
    commit = repository.commit([deletion], f"Delete job {namespace}/{name}", change)
    for stored in listing.jobs:
        if stored.path == deletion.path:
            pings_lookup.forget(repository.tenant_id, stored.job)
    return commit.sha
