"""Namespaces: the top folders of the tenant's repository, found there each time and listed nowhere else."""

from dataclasses import dataclass
from posixpath import basename

from chalicelib.domain import names, namespaces
from chalicelib.domain.errors import Conflict, Forbidden, Invalid, NotFound
from chalicelib.domain.namespaces import Description
from chalicelib.forgejo.files import FileChange, TreeEntry
from chalicelib.services import jobs
from chalicelib.services.jobs import BrokenManifest
from chalicelib.services.repository import Change, Repository

KEEPER = ".gitkeep"
# What a namespace may hold and still be empty.
_OF_THE_FOLDER = {KEEPER, namespaces.FILE}


@dataclass(frozen=True, slots=True)
class Namespace:
    name: str
    is_system: bool
    job_count: int
    described: Description


@dataclass(frozen=True, slots=True)
class Namespaces:
    """broken: descriptions that cannot be read; their namespaces are listed without."""

    found: tuple[Namespace, ...]
    broken: tuple[BrokenManifest, ...]


def list_namespaces(repository: Repository) -> Namespaces:
    """Return the namespaces by name, those of the system also where their folder is gone; costs what a list of jobs costs.

    A folder whose name no namespace may have, such as .github, is none.
    """
    listing = jobs.list_jobs(repository)
    folders = {name for name in listing.folders if not names.name_problem(name)} | names.SYSTEM_NAMESPACES
    broken: list[BrokenManifest] = []
    found = []
    for name in sorted(folders):
        count = sum(stored.job.namespace == name for stored in listing.jobs)
        described = _described(name, listing.folders.get(name), broken)
        found.append(Namespace(name, name in names.SYSTEM_NAMESPACES, count, described))
    return Namespaces(tuple(found), tuple(broken))


def _described(name: str, text: bytes | None, broken: list[BrokenManifest]) -> Description:
    if text is None:
        return Description()
    try:
        return namespaces.parse(text)
    except Invalid as e:
        broken.append(BrokenManifest(f"{name}/{namespaces.FILE}", e.problems))
        return Description()


def create_namespace(repository: Repository, name: str, described: Description, change: Change) -> str:
    """Commit a new folder and return the commit. Raise Invalid naming the field, Conflict if there is such a folder."""
    problems = namespaces.problems_of(described)
    if problem := names.name_problem(name):
        problems["name"] = problem
    elif name in names.RESERVED_NAMESPACES:
        problems["name"] = f"{name!r} is kept by the system; choose another"
    if problems:
        raise Invalid.of(problems)
    taken = Conflict(f"there is a namespace {name!r} already", problems={"name": "is taken; choose another"})
    if any(entry.path == name for entry in _entries(repository, recursive=False)):
        raise taken
    files = [FileChange(f"{name}/{KEEPER}", b"")]
    if described != Description():
        files.append(FileChange(f"{name}/{namespaces.FILE}", namespaces.dump(described).encode()))
    try:
        return repository.commit(files, f"Create namespace {name}", change).sha
    except Conflict as e:
        raise taken from e


def delete_namespace(repository: Repository, name: str, change: Change) -> str:
    """Commit the removal of an empty namespace and return the commit.

    Raise Forbidden for one of the system, Conflict if it holds anything of a person's, NotFound if there is none.
    """
    if name in names.RESERVED_NAMESPACES:
        raise Forbidden(f"the namespace {name!r} belongs to the system and cannot be deleted")
    held = [entry for entry in _entries(repository) if entry.path.startswith(f"{name}/") and entry.kind != "tree"]
    if names.name_problem(name) or not held:
        raise NotFound(f"no namespace {name!r}")
    _refuse_contents(name, [entry.path for entry in held if entry.path.partition("/")[2] not in _OF_THE_FOLDER])
    return repository.commit([FileChange(entry.path, sha=entry.sha) for entry in held], f"Delete namespace {name}", change).sha


def _refuse_contents(name: str, paths: list[str]) -> None:
    if not paths:
        return
    manifests = [path for path in paths if jobs.is_manifest(path)]
    if manifests:
        count = f"{len(manifests)} job" + ("s" if len(manifests) != 1 else "")
        raise Conflict(f"the namespace {name!r} is not empty: it holds {count}; move or delete them first")
    raise Conflict(f"the namespace {name!r} is not empty: it holds {basename(paths[0])}; take it out of the repository first")


def _entries(repository: Repository, *, recursive: bool = True) -> tuple[TreeEntry, ...]:
    head = repository.head()
    return repository.forge.list_tree(repository.owner, repository.name, head, recursive=recursive) if head else ()
