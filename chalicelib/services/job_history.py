"""The history of a job: the commits that touched its file, also while it lay elsewhere."""

from dataclasses import dataclass
from posixpath import splitext

from chalicelib.domain import manifest, names
from chalicelib.domain.errors import Invalid, NotFound
from chalicelib.forgejo.files import PastCommit
from chalicelib.services import jobs
from chalicelib.services.repository import Repository

MAX_PAGE = 50
# A commit that removes more files than this is no move of one job.
_MAX_REMOVED = 5


@dataclass(frozen=True, slots=True)
class Trail:
    """From where a history is read. ref: commit or branch. page: from 1."""

    path: str
    ref: str = "main"
    page: int = 1


@dataclass(frozen=True, slots=True)
class PastVersion:
    """A commit, and where the job's file lay then."""

    commit: PastCommit
    path: str


@dataclass(frozen=True, slots=True)
class History:
    """next: None on the last page."""

    versions: tuple[PastVersion, ...]
    next: Trail | None


def read_history(repository: Repository, namespace: str, name: str, limit: int, after: Trail | None = None) -> History:
    """Return the commits of a job's file, newest first, also of a job that was deleted.

    limit: at most MAX_PAGE; a page ends early where the job lay elsewhere before. after: as the page before gave it.
    Raise NotFound if no commit ever touched such a file, Conflict if several files define the job.
    """
    trail = after or Trail(path_of(repository, namespace, name))
    found = repository.forge.list_commits(
        repository.owner, repository.name, trail.path, limit=limit, page=trail.page, branch=trail.ref
    )
    if not found and after is None:
        raise NotFound(f"no job {name!r} in namespace {namespace!r}")
    versions = tuple(PastVersion(commit, trail.path) for commit in found)
    if len(found) == limit:
        return History(versions, Trail(trail.path, trail.ref, trail.page + 1))
    return History(versions, _before_move(repository, versions[-1]) if versions else None)


def path_of(repository: Repository, namespace: str, name: str) -> str:
    """Return where a job's file lies, or would lie if it were there. Raise NotFound for what can be no job's name."""
    if names.name_problem(namespace) or names.name_problem(name):
        raise NotFound(f"no job {name!r} in namespace {namespace!r}")
    listing = jobs.list_jobs(repository)
    try:
        return jobs.pick_job(listing, namespace, name).path
    except NotFound:
        return names.manifest_path(namespace, name)
    except Invalid:
        named = (item.path for item in listing.broken if splitext(item.path)[0].endswith(f"/{name}"))
        return next(path for path in named if jobs.namespace_of(path) == namespace)


def _before_move(repository: Repository, first: PastVersion) -> Trail | None:
    """Return where the job's file lay before the commit that put it here, None if that commit made it."""
    forge, owner, repo = repository.forge, repository.owner, repository.name
    made = forge.read_commit(owner, repo, first.commit.sha)
    removed = [path for path in made.removed if jobs.is_manifest(path)]
    if made.parent is None or not 0 < len(removed) <= _MAX_REMOVED:
        return None
    job_id = _id_at(repository, first.path, first.commit.sha)
    moved = (path for path in removed if job_id and _id_at(repository, path, made.parent) == job_id)
    path = next(moved, None)
    return Trail(path, made.parent) if path else None


def _id_at(repository: Repository, path: str, commit: str) -> str | None:
    try:
        file = repository.forge.read_file(repository.owner, repository.name, path, commit)
        return manifest.parse(file.content, path, strict=False).job.id
    except (NotFound, Invalid):
        return None
