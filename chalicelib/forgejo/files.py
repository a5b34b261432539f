"""What lies in a repository, and changes to it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Operation = Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Author:
    """The person a commit is attributed to; the committer is whoever's credential writes it."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of a commit: content alone creates, content and sha update, sha alone deletes.

    sha: the blob the writer has seen; the change is refused if another one lies there by now.
    """

    path: str
    content: bytes | None = None
    sha: str | None = None

    @property
    def operation(self) -> Operation:
        if self.content is None:
            return "delete"
        return "create" if self.sha is None else "update"

    @property
    def blob(self) -> str | None:
        """The blob that lies at the path afterwards, None after a deletion."""
        return None if self.content is None else blob_sha(self.content)


@dataclass(frozen=True, slots=True)
class Commit:
    """blobs: path -> blob sha of what was created or updated."""

    sha: str
    blobs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PastCommit:
    """A commit as a list shows it. author: a name. at: when it was committed, UTC. subject: first line of its message."""

    sha: str
    author: str
    at: datetime
    subject: str


@dataclass(frozen=True, slots=True)
class CommitFacts:
    """What one commit did. parent: its first, None for the first commit of all. removed: paths that were there before."""

    sha: str
    parent: str | None
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangedRepository:
    """changed_at: when somebody last pushed to it, UTC, whole seconds."""

    owner: str
    name: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class File:
    path: str
    sha: str
    content: bytes


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """mode: six octal digits as git writes them. kind: blob, tree or commit (a submodule)."""

    path: str
    sha: str
    mode: str
    kind: str
    size_bytes: int

    @property
    def is_regular(self) -> bool:
        return self.kind == "blob" and self.mode.startswith("100")


def blob_sha(content: bytes) -> str:
    """Return the id git gives this content (sha1 repositories)."""
    return object_sha("blob", content)


def object_sha(kind: Literal["blob", "tree"], content: bytes) -> str:
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(content)) + content, usedforsecurity=False).hexdigest()
