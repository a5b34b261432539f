"""The tenant's repository: fetched into a bare copy of our own, read from its objects, never checked out.

No file of the repository ever becomes a file on this machine, so a symlink or a path with `..` in it has no power here.
"""

import json
import logging
import shutil
import stat
import struct
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from dulwich import errors as dulwich_errors
from dulwich.client import HttpGitClient
from dulwich.file import FileLocked
from dulwich.objects import Blob, Commit
from dulwich.repo import Repo

from agent.desired import MAX_MANIFEST_BYTES, FileKind, TreeFile
from agent.errors import of_os_error
from agent.gitdoor import Door
from agent.home import write_file
from chalicelib.domain.errors import Invalid, Stalled, Unavailable

log = logging.getLogger(__name__)

MARKER = "crontopus.json"
MAX_DEPTH = 20
MAX_FILES = 20_000

_Read = TypeVar("_Read")
# What dulwich raises on objects that are missing, cut short or overwritten.
_DAMAGE = (
    KeyError,
    ValueError,
    IndexError,
    AssertionError,
    EOFError,
    struct.error,
    zlib.error,
    FileNotFoundError,
    FileLocked,
    dulwich_errors.ChecksumMismatch,
    dulwich_errors.FileFormatException,
    dulwich_errors.NotGitRepository,
    dulwich_errors.ObjectMissing,
    dulwich_errors.WrongObjectException,
    dulwich_errors.ApplyDeltaError,
)


class Damaged(Exception):
    """The local copy cannot be read."""


class GitSource:
    """One branch of one repository. directory: where our copy lies. max_packs: fetches before the copy is made anew."""

    def __init__(self, directory: Path, url: str, branch: str, door: Door, *, max_packs: int = 50) -> None:
        self.directory = directory
        self.url = url
        self.ref = f"refs/heads/{branch}".encode()
        self.branch = branch
        self.door = door
        self.max_packs = max_packs
        self._client = HttpGitClient(url, pool_manager=door)

    def head(self) -> str:
        """Return the commit that the forge's branch is at now. Raise Stalled if there is no such branch."""
        self.door.begin()
        with _translated():
            # Version 0 answers with all refs at once; version 2 would take a second request.
            refs = self._client.get_refs(b"", protocol_version=0).refs
        found = refs.get(self.ref)
        if found is None:
            what = f"has no branch {self.branch}" if any(refs.values()) else "is empty: nothing was ever pushed"
            raise Stalled(f"the repository {what}", code="branch_missing")
        return str(found.decode())

    def visit(self, head: str, look: Callable[["Snapshot"], _Read]) -> _Read:
        """Return what `look` makes of this commit, fetching it first if need be. A damaged copy is replaced, once."""
        try:
            return self._visit(head, look)
        except Damaged as e:
            log.warning("the copy of the repository is made anew", extra={"why": str(e)})
        try:
            self._renew(head)
            return self._visit(head, look)
        except Damaged as e:
            raise Stalled(f"the copy of the repository cannot be read ({e}), nor a fresh one", code="source_damaged") from e

    def _visit(self, head: str, look: Callable[["Snapshot"], _Read]) -> _Read:
        self._make()
        with self._opened(self.directory) as repo:
            if head.encode() not in repo.object_store:
                self._fetch(repo, head)
            if len(list(repo.object_store.packs)) > self.max_packs:
                raise Damaged("many small packs")
            return look(Snapshot(repo, head))

    def _make(self) -> None:
        """Have a copy of this very repository in place, if only an empty one."""
        if not self.directory.exists():
            self._put_in_place(_new_copy(self.directory, self.url))
        elif not is_ours(self.directory):
            raise Stalled(f"{self.directory} is not a copy the agent made", code="repo_not_ours")
        elif _address(self.directory) != self.url:
            self._put_in_place(_new_copy(self.directory, self.url))

    def _renew(self, head: str) -> None:
        """Fetch into a new folder; only when all is there does it take the old one's place."""
        fresh = _new_copy(self.directory, self.url)
        try:
            with self._opened(fresh) as repo:
                self._fetch(repo, head)
            self._put_in_place(fresh)
        finally:
            discard(fresh)

    def _put_in_place(self, fresh: Path) -> None:
        worn = self.directory.with_name(f"{self.directory.name}.old")
        discard(worn)
        if self.directory.exists():
            self.directory.rename(worn)
        fresh.rename(self.directory)
        discard(worn)

    @contextmanager
    def _opened(self, directory: Path) -> Iterator[Any]:
        with damage():
            repo = Repo(str(directory))
        try:
            yield repo
        finally:
            repo.close()

    def _fetch(self, repo: Any, head: str) -> None:
        wanted = head.encode()

        def wants(refs: dict[bytes, bytes], depth: int | None = None) -> list[bytes]:
            if wanted not in refs.values():
                raise Unavailable("the branch moved while we were at it", code="git_unavailable", retry_after_s=1)
            return [wanted]

        self.door.begin()
        with _translated(), damage():
            self._client.fetch(b"", repo, determine_wants=wants, protocol_version=0)
            if wanted not in repo.object_store:
                raise Damaged("the forge did not send the commit")
            # The ref is what the next fetch tells the forge we have.
            repo.refs[self.ref] = wanted


class Snapshot:
    """One commit of an opened copy. All that it reads may raise Damaged."""

    def __init__(self, repo: Any, head: str) -> None:
        self._repo = repo
        self._head = head.encode()

    def files(self) -> list[TreeFile]:
        """Return every entry of the tree that is no folder."""
        with damage():
            commit = self._repo.object_store[self._head]
            if not isinstance(commit, Commit):
                raise Damaged("the branch points at no commit")
            found: list[TreeFile] = []
            self._walk(commit.tree, "", 0, found)
        if len(found) > MAX_FILES:
            raise Stalled(f"the repository has {len(found)} files, more than {MAX_FILES}", code="source_too_large")
        return found

    def _walk(self, tree: bytes, prefix: str, depth: int, found: list[TreeFile]) -> None:
        if depth > MAX_DEPTH:
            raise Stalled(f"the repository has folders below folders, {MAX_DEPTH} deep", code="source_too_large")
        for entry in self._repo.object_store[tree].items():
            if stat.S_ISDIR(entry.mode):
                self._walk(entry.sha, prefix + entry.path.decode(errors="backslashreplace") + "/", depth + 1, found)
            else:
                found.append(_file(prefix, entry.path, entry.mode, entry.sha))

    def read(self, sha: str) -> bytes:
        """Return a blob's bytes. Raise Invalid if it is larger than a manifest may be."""
        with damage():
            blob = self._repo.object_store[sha.encode()]
            if not isinstance(blob, Blob):
                raise Damaged(f"{sha} is no file")
            content: bytes = blob.data
        if len(content) > MAX_MANIFEST_BYTES:
            raise Invalid.of({"manifest": f"at most {MAX_MANIFEST_BYTES} bytes, this has {len(content)}"})
        return content

    def descends_from(self, ancestor: str) -> bool:
        """Tell whether the commit has this one in its history, or is it."""
        wanted = ancestor.encode()
        todo, seen = deque([self._head]), {self._head}
        with damage():
            while todo:
                current = todo.popleft()
                if current == wanted:
                    return True
                parents = [parent for parent in self._repo.object_store[current].parents if parent not in seen]
                seen.update(parents)
                todo.extend(parents)
        return False


# Of one commit and the next nearly all files are the same.
@lru_cache(maxsize=MAX_FILES)
def _file(prefix: str, name: bytes, mode: int, sha: bytes) -> TreeFile:
    return TreeFile(prefix + name.decode(errors="backslashreplace"), sha.decode(), _kind(mode))


def _kind(mode: int) -> FileKind:
    if stat.S_ISREG(mode):
        return "file"
    return "symlink" if stat.S_ISLNK(mode) else "submodule"


def is_ours(directory: Path) -> bool:
    """Tell whether we made this folder."""
    return (directory / MARKER).is_file() and not directory.is_symlink()


def discard(directory: Path) -> None:
    """Remove a copy, if it is one of ours."""
    if is_ours(directory):
        shutil.rmtree(directory)


def _address(directory: Path) -> str | None:
    try:
        return str(json.loads((directory / MARKER).read_bytes())["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _new_copy(directory: Path, url: str) -> Path:
    for left_over in directory.parent.glob(f"{directory.name}.new-*"):
        discard(left_over)
    try:
        fresh = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f"{directory.name}.new-"))
        write_file(fresh / MARKER, json.dumps({"url": url}).encode())
    except OSError as e:
        raise of_os_error(e, f"no folder can be made beside {directory}") from e
    Repo.init_bare(str(fresh)).close()
    return fresh


@contextmanager
def damage() -> Iterator[None]:
    """Turn what dulwich raises on broken objects into Damaged."""
    try:
        yield
    except _DAMAGE as e:
        raise Damaged(f"{type(e).__name__}: {e}"[:200]) from e
    except OSError as e:
        raise of_os_error(e, "the copy of the repository cannot be used") from e


@contextmanager
def _translated() -> Iterator[None]:
    """Turn a broken conversation into Unavailable."""
    try:
        yield
    except (dulwich_errors.GitProtocolError, dulwich_errors.HangupException) as e:
        raise Unavailable(f"the forge does not answer as a git server does: {str(e)[:200]}", code="git_unavailable") from e
