"""A tenant's repository on the forge, and the changes that people make to it through us."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.domain import names
from chalicelib.forgejo.client import Forgejo
from chalicelib.forgejo.files import Author, Commit, FileChange
from chalicelib.services.sessions import Caller


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes something, and under which request."""

    author: Author
    request_id: str


@dataclass(slots=True)
class Repository:
    """One tenant's repository on the forge, as the bot sees it."""

    forge: Forgejo
    owner: str
    tenant_id: str
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = names.repository_name(self.tenant_id)

    def head(self) -> str | None:
        """Return the newest commit, None while the repository is empty."""
        return self.forge.head(self.owner, self.name)

    def commit(self, changes: Sequence[FileChange], subject: str, by: Change) -> Commit:
        """Write all changes as one commit, or none. Raise Conflict if a file is not as its change expects it."""
        message = f"{subject}\n\nCrontopus-Request-Id: {by.request_id}\n"
        return self.forge.commit(self.owner, self.name, changes, message, by.author)


def author_of(caller: Caller, email: str) -> Author:
    """Return the caller as the author of a commit."""
    return Author(caller.name, email)
