"""Reading commits, trees and blobs of an opened repository."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass

from dulwich.errors import NotTreeError
from dulwich.objects import S_ISGITLINK as is_submodule
from dulwich.objects import Blob, Commit, Tag, Tree
from dulwich.refs import check_ref_format
from dulwich.repo import Repo


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a tree. kind: blob, tree or commit (a submodule); size_bytes: 0 unless a blob."""

    path: str
    mode: int
    kind: str
    sha: str
    size_bytes: int

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)


def tip(repo: Repo, branch: str) -> bytes | None:
    """Return the commit id a branch points at, or None."""
    return _ref(repo, f"refs/heads/{branch}")


def is_empty(repo: Repo) -> bool:
    return not repo.refs.subkeys(b"refs/heads/")


def resolve(repo: Repo, ref: str) -> Commit | None:
    """Return the commit of a branch, a tag or a full id, or None."""
    for prefix in ("refs/heads/", "refs/tags/"):
        sha = _ref(repo, prefix + ref)
        if sha:
            return _peeled(repo, sha)
    return _peeled(repo, ref.encode()) if is_sha(ref) else None


def is_sha(text: str) -> bool:
    return len(text) == 40 and all(c in "0123456789abcdef" for c in text)


def find(repo: Repo, sha: str) -> Blob | Tree | Commit | Tag | None:
    """Return the object of a full id, or None."""
    try:
        return repo.object_store[sha.encode()] if is_sha(sha) else None
    except KeyError:
        return None


def find_blob(repo: Repo, sha: str) -> Blob | None:
    found = find(repo, sha)
    return found if isinstance(found, Blob) else None


def find_entry(repo: Repo, tree_sha: bytes, path: str) -> Entry | None:
    """Return what lies at a path below a tree, or None. The empty path is the tree itself."""
    if not path:
        return Entry("", stat.S_IFDIR, "tree", tree_sha.decode(), 0)
    try:
        mode, sha = repo.object_store[tree_sha].lookup_path(repo.object_store.__getitem__, path.encode())
    except (KeyError, NotTreeError):
        return None
    return _entry(repo, path, mode, sha)


def list_entries(repo: Repo, tree_sha: bytes, prefix: str = "", *, recursive: bool) -> Iterator[Entry]:
    """Yield the names below a tree in git's order; folders come before what they hold."""
    for name, mode, sha in repo.object_store[tree_sha].iteritems():
        path = prefix + name.decode(errors="surrogateescape")
        entry = _entry(repo, path, mode, sha)
        yield entry
        if recursive and entry.kind == "tree":
            yield from list_entries(repo, sha, f"{path}/", recursive=True)


def history(repo: Repo, start: Commit, path: str = "") -> Iterator[Commit]:
    """Yield commits, newest first; with a path only those that changed what lies there."""
    for walked in repo.get_walker(include=[start.id]):
        if not path or _changes(repo, walked.commit, path):
            yield walked.commit


def _ref(repo: Repo, name: str) -> bytes | None:
    # A name with dots or slashes in the wrong place would read another file of the repository.
    if not check_ref_format(name.encode()):
        return None
    sha: bytes | None = repo.refs.read_ref(name.encode())
    return sha


def _changes(repo: Repo, commit: Commit, path: str) -> bool:
    here = find_entry(repo, commit.tree, path)
    before = [find_entry(repo, repo.object_store[parent].tree, path) for parent in commit.parents]
    return here not in before if before else here is not None


def _peeled(repo: Repo, sha: bytes) -> Commit | None:
    found = find(repo, sha.decode())
    while isinstance(found, Tag):
        found = find(repo, found.object[1].decode())
    return found if isinstance(found, Commit) else None


def _entry(repo: Repo, path: str, mode: int, sha: bytes) -> Entry:
    if is_submodule(mode):
        return Entry(path, mode, "commit", sha.decode(), 0)
    if stat.S_ISDIR(mode):
        return Entry(path, mode, "tree", sha.decode(), 0)
    return Entry(path, mode, "blob", sha.decode(), repo.object_store[sha].raw_length())
