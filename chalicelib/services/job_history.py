"""The history of a job: the commits that touched its file."""

from dataclasses import dataclass

from chalicelib.domain import names
from chalicelib.domain.errors import NotFound
from chalicelib.forgejo.files import PastCommit
from chalicelib.services.repository import Repository

MAX_PAGE = 50


@dataclass(frozen=True, slots=True)
class History:
    """next_page: None on the last page."""

    commits: tuple[PastCommit, ...]
    next_page: int | None


def read_history(repository: Repository, namespace: str, name: str, limit: int, page: int) -> History:
    """Return the commits of a job's file, newest first, also of a job that was deleted. limit: at most MAX_PAGE. page: from 1.

    It begins where the file came to its place: what happened before a move stands under the old name.
    Raise NotFound if no commit ever touched such a file.
    """
    found: tuple[PastCommit, ...] = ()
    if not (names.name_problem(namespace) or names.name_problem(name)):
        path = names.manifest_path(namespace, name)
        found = repository.forge.list_commits(repository.owner, repository.name, path, limit=limit, page=page)
    if not found and page == 1:
        raise NotFound(f"no job {name!r} in namespace {namespace!r}")
    return History(found, page + 1 if len(found) == limit else None)
