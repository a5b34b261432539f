"""Namespaces: the top folders of the tenant's repository, found there each time and listed nowhere else."""

from dataclasses import dataclass, replace
from posixpath import basename

from chalicelib.domain import names, namespaces
from chalicelib.domain.errors import Conflict, Forbidden, Invalid, NotFound
from chalicelib.domain.namespaces import Description
from chalicelib.forgejo.files import FileChange, TreeEntry, blob_sha
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
    listing = jobs.list_jobs(repository)
    taken = Conflict(f"there is a namespace {name!r} already", problems={"name": "is taken; choose another"})
    if name in listing.folders:
        raise taken
    jobs.refuse_new_folder(listing, name)
    files = [FileChange(f"{name}/{KEEPER}", b"")]
    if described != Description():
        files.append(FileChange(f"{name}/{namespaces.FILE}", namespaces.dump(described).encode()))
    try:
        return repository.commit(files, f"Create namespace {name}", change).sha
    except Conflict as e:
        raise taken from e


def describe_namespace(repository: Repository, name: str, change: Change, **said: str | None) -> tuple[Namespace, str | None]:
    """Commit what is said of a namespace (description, colour; None takes it away) and return it with the commit.

    Nothing is committed if it says so already. Raise NotFound, Invalid naming the field, or what is wrong with the file.
    """
    listing = jobs.list_jobs(repository)
    if name not in names.SYSTEM_NAMESPACES and (names.name_problem(name) or name not in listing.folders):
        raise NotFound(f"no namespace {name!r}")
    text = listing.folders.get(name)
    before = namespaces.parse(text) if text is not None else Description()
    after = replace(before, **said)
    if problems := namespaces.problems_of(after):
        raise Invalid.of(problems)
    count = sum(stored.job.namespace == name for stored in listing.jobs)
    shown = Namespace(name, name in names.SYSTEM_NAMESPACES, count, after)
    if after == before:
        return shown, listing.commit
    sha = blob_sha(text) if text is not None else None
    content = namespaces.dump(after).encode() if after != Description() else None
    files = [FileChange(f"{name}/{namespaces.FILE}", content, sha)]
    return shown, repository.commit(files, f"Describe namespace {name}", change).sha


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


def _entries(repository: Repository) -> tuple[TreeEntry, ...]:
    head = repository.head()
    return repository.forge.list_tree(repository.owner, repository.name, head) if head else ()
