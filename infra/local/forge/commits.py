"""New commits: decided on the branch as it was read, then put in place only if it is still so."""

import posixpath
import re
import stat
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dulwich.object_store import MemoryObjectStore, OverlayObjectStore, commit_tree_changes
from dulwich.objects import Blob, Commit, Tree
from dulwich.refs import check_ref_format
from dulwich.repo import Repo

from infra.local.forge import objects
from infra.local.forge.storage import sync

Problem = Literal["missing", "no_sha", "other_sha", "exists", "path", "branch", "operation", "raced"]
# Above this, one pack (two files to put on the disk) is cheaper than loose objects.
_LOOSE_LIMIT = 16


class Rejected(Exception):
    """A change does not fit the branch. Which HTTP code that is depends on the route; see api/contents.py."""

    def __init__(self, problem: Problem, message: str = "") -> None:
        super().__init__(message)
        self.problem = problem
        self.message = message


@dataclass(frozen=True, slots=True)
class Change:
    operation: str
    path: str
    content: bytes
    sha: str
    from_path: str


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Draft:
    message: str
    author: Person
    committer: Person
    at_s: int


def clean_path(path: str) -> str:
    """Return the path in its normal form, or an empty text if no file may lie there."""
    cleaned = posixpath.normpath("/" + path).lstrip("/")
    return "" if "\0" in cleaned or ".git" in cleaned.lower().split("/") else cleaned


def commit(repo: Repo, lock: threading.Lock, branch: str, changes: Sequence[Change], draft: Draft) -> Commit:
    """Return the new tip of the branch, on disk. Raise Rejected.

    The tip is read before the lock is taken, as Forgejo clones before it pushes: of two writers that
    started from the same tip, the second is `raced`.
    """
    old = objects.tip(repo, branch)
    if old is None and not (objects.is_empty(repo) and check_ref_format(b"refs/heads/" + branch.encode())):
        raise Rejected("branch", f"branch does not exist [name: {branch}]")
    fresh = MemoryObjectStore()
    store = OverlayObjectStore([fresh, repo.object_store], fresh)
    made = _commit(store, old, _new_tree(repo, store, old, changes), draft)
    store.add_object(made)
    with lock:
        if objects.tip(repo, branch) != old:
            raise Rejected("raced")
        _put(repo, [fresh[sha] for sha in fresh])
        _move(repo, branch, old, made.id)
    return made


def _new_tree(repo: Repo, store: OverlayObjectStore, old: bytes | None, changes: Sequence[Change]) -> bytes:
    tree = repo.object_store[repo.object_store[old].tree] if old else Tree()
    edits: list[tuple[bytes, int | None, bytes | None]] = []
    if old is None and any(change.operation == "delete" for change in changes):
        raise Rejected("branch", "the repository is empty")
    for change in changes:
        if not clean_path(change.path):
            raise Rejected("path", f"path contains a malformed path component [path: {change.path}]")
        mode = _check(repo, tree.id, change) if old else stat.S_IFREG | 0o644
        if change.operation == "delete":
            edits.append((change.path.encode(), None, None))
            continue
        if change.from_path != change.path:
            edits.append((change.from_path.encode(), None, None))
        blob = Blob.from_string(change.content)
        store.add_object(blob)
        edits.append((change.path.encode(), mode, blob.id))
    sha: bytes = commit_tree_changes(store, tree, edits)
    return sha


def _check(repo: Repo, tree_sha: bytes, change: Change) -> int:
    """Return the mode of the new entry. Raise Rejected if the change does not fit the tree."""
    if change.operation not in ("create", "update", "delete"):
        raise Rejected("operation", f"invalid file operation: {change.operation}")
    mode = stat.S_IFREG | 0o644
    if change.operation != "create":
        entry = objects.find_entry(repo, tree_sha, change.from_path)
        if entry is None:
            raise Rejected("missing", f"object does not exist [id: , rel_path: {change.from_path}]")
        if not change.sha:
            raise Rejected("no_sha", "a SHA or commit ID must be proved when updating a file")
        if change.sha != entry.sha:
            raise Rejected("other_sha", f"sha does not match [given: {change.sha}, expected: {entry.sha}]")
        mode = entry.mode
    if change.operation != "delete":
        _check_place(repo, tree_sha, change)
    return mode


def _check_place(repo: Repo, tree_sha: bytes, change: Change) -> None:
    parts = change.path.split("/")
    for end in range(1, len(parts) + 1):
        path = "/".join(parts[:end])
        entry = objects.find_entry(repo, tree_sha, path)
        if entry is None:
            return
        if end < len(parts):
            if entry.kind != "tree":
                raise Rejected("path", f"a file exists where you are trying to create a subdirectory [path: {path}]")
        elif entry.is_link or entry.kind == "tree":
            raise Rejected("path", f"a directory or link exists where you are trying to create a file [path: {path}]")
        elif change.operation == "create" or change.from_path != change.path:
            raise Rejected("exists", f"repository file already exists [path: {path}]")


def _commit(store: OverlayObjectStore, old: bytes | None, tree_sha: bytes, draft: Draft) -> Commit:
    made = Commit()
    made.tree = tree_sha
    made.parents = [old] if old else []
    made.author, made.committer = _identity(draft.author), _identity(draft.committer)
    made.author_time = made.commit_time = draft.at_s
    made.author_timezone = made.commit_timezone = 0
    made.encoding = b"UTF-8"
    made.message = draft.message.strip().encode() + b"\n"
    return made


def _identity(person: Person) -> bytes:
    # These characters end a field of the commit object: git drops them too.
    name, email = (re.sub(r"[<>\n\0]", "", text).strip() for text in (person.name, person.email))
    return f"{name} <{email}>".encode()


def _put(repo: Repo, fresh: list[Blob | Tree | Commit]) -> None:
    if len(fresh) > _LOOSE_LIMIT:
        repo.object_store.add_objects([(made, None) for made in fresh])
        return
    for made in fresh:
        repo.object_store.add_object(made)


def _move(repo: Repo, branch: str, old: bytes | None, new: bytes) -> None:
    ref = b"refs/heads/" + branch.encode()
    moved = repo.refs.set_if_equals(ref, old, new) if old else repo.refs.add_if_new(ref, new)
    if not moved:
        raise Rejected("raced")
    sync((Path(repo.controldir()) / ref.decode()).parent)
