"""Git's smart HTTP: dulwich's server handlers behind our own check of who may read and write."""

import io
import stat
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from dulwich.errors import ApplyDeltaError, ChecksumMismatch, GitProtocolError, HangupException, ObjectFormatException
from dulwich.objects import S_ISGITLINK as is_submodule
from dulwich.objects import Commit, ObjectID, Tag, Tree
from dulwich.protocol import ReceivableProtocol
from dulwich.refs import Ref, check_ref_format
from dulwich.repo import Repo
from dulwich.server import Backend, ReceivePackHandler, UploadPackHandler

from infra.local.forge import objects
from infra.local.forge.storage import sync
from infra.local.forge.web import Refused

ZERO = b"0" * 40
# What dulwich raises over a pack that was cut short or is no pack.
_BROKEN = (OSError, AssertionError, ChecksumMismatch, ApplyDeltaError, ObjectFormatException, GitProtocolError, zlib.error)
Command = tuple[ObjectID, ObjectID, Ref]


class _One(Backend):  # type: ignore[misc]
    """The repository of this request, whatever path is asked for."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo

    def open_repository(self, path: str) -> Repo:
        return self._repo


class ReceivePack(ReceivePackHandler):  # type: ignore[misc]
    """Takes a push only if it is whole, and moves a ref only from where the client saw it."""

    def __init__(self, repo: Repo, protocol: ReceivableProtocol, lock: threading.Lock, *, advertise: bool = False) -> None:
        super().__init__(_One(repo), [""], protocol, stateless_rpc=True, advertise_refs=advertise)
        self._lock = lock
        self.moved: list[Command] = []

    def capabilities(self) -> list[bytes]:
        return [offered for offered in super().capabilities() if offered != b"atomic"]

    def _apply_pack(self, refs: Sequence[Command]) -> Iterator[tuple[bytes, bytes]]:
        with self._lock:
            problem = self._take_pack() if any(new != ZERO for _, new, _ in refs) else None
            yield b"unpack", problem or b"ok"
            if problem:
                return
            for command in refs:
                problem = self._move(*command)
                if not problem:
                    self.moved.append(command)
                yield command[2], problem or b"ok"

    def _take_pack(self) -> bytes | None:
        """Store what the client sent. Return why it is no good, or None."""
        try:
            pack = self.repo.object_store.add_thin_pack(self.proto.read, self.proto.recv)
        except _BROKEN as e:
            return f"broken pack: {type(e).__name__}".encode()
        missing = _missing(self.repo, pack.iterobjects())
        return b"the pack lacks " + missing if missing else None

    def _move(self, old: ObjectID, new: ObjectID, ref: Ref) -> bytes | None:
        """Return why the ref may not move, or None once it has and is on the disk."""
        if not ref.startswith(b"refs/") or not check_ref_format(ref):
            return b"funny refname"
        if new == ZERO:
            if ref == self.repo.refs.get_symrefs().get(b"HEAD"):
                return b"refusing to delete the default branch"
            return None if self.repo.refs.remove_if_equals(ref, old) else b"failed to delete"
        if not isinstance(objects.find(self.repo, new.decode()), Commit | Tag):
            return b"bad pack"
        moved = self.repo.refs.add_if_new(ref, new) if old == ZERO else self.repo.refs.set_if_equals(ref, old, new)
        if not moved:
            return b"fetch first"
        sync((Path(self.repo.controldir()) / ref.decode()).parent)
        return None


class _Served(Repo):  # type: ignore[misc]
    """A repository that also offers the commits a client asks for by name, if they are reachable.

    Two requests make one fetch; a commit between them must not make the second fail.
    """

    asked: frozenset[bytes] = frozenset()

    def get_refs(self) -> dict[bytes, bytes]:
        refs: dict[bytes, bytes] = super().get_refs()
        late = self.asked - set(refs.values())
        if late:
            heads = [sha for name, sha in refs.items() if name.startswith(b"refs/heads/")]
            found = {walked.commit.id for walked in self.get_walker(include=heads) if walked.commit.id in late}
            refs |= {b"refs/asked/" + sha: sha for sha in found}
        return refs


def advertise(repo: Repo, service: str, lock: threading.Lock) -> bytes:
    """Return the answer to GET info/refs?service=..."""
    out = io.BytesIO()
    protocol = ReceivableProtocol(io.BytesIO().read, out.write)
    protocol.write_pkt_line(f"# service={service}\n".encode())
    protocol.write_pkt_line(None)
    if service == "git-receive-pack":
        ReceivePack(repo, protocol, lock, advertise=True).handle()
    else:
        UploadPackHandler(_One(repo), [""], protocol, stateless_rpc=True, advertise_refs=True).handle()
    return out.getvalue()


def upload(path: Path, body: bytes) -> bytes:
    """Return the answer to POST git-upload-pack: a client fetches."""
    with _Served(str(path)) as repo:
        repo.asked = frozenset(line[9:49] for line in body.split(b"\n") if line[4:9] == b"want ")
        out = io.BytesIO()
        protocol = ReceivableProtocol(io.BytesIO(body).read, out.write)
        _run(UploadPackHandler(_One(repo), [""], protocol, stateless_rpc=True).handle)
        return out.getvalue()


def receive(repo: Repo, body: bytes, lock: threading.Lock) -> tuple[bytes, list[Command]]:
    """Return the answer to POST git-receive-pack, and the refs that moved: a client pushes."""
    out = io.BytesIO()
    handler = ReceivePack(repo, ReceivableProtocol(io.BytesIO(body).read, out.write), lock)
    _run(handler.handle)
    return out.getvalue(), handler.moved


def _run(handle: Callable[[], None]) -> None:
    try:
        handle()
    except (GitProtocolError, HangupException) as e:
        raise Refused(400, f"not a git request: {e}") from e


def _missing(repo: Repo, received: Iterable[object]) -> bytes | None:
    """Return the id of an object that something received needs and nobody has, or None.

    What was here before is whole, so it is enough to look one step beyond what came.
    """
    for made in received:
        for needed in _needs(made):
            if needed not in repo.object_store:
                return needed
    return None


def _needs(made: object) -> list[bytes]:
    if isinstance(made, Commit):
        return [made.tree, *made.parents]
    if isinstance(made, Tree):
        return [sha for _, mode, sha in made.iteritems() if not is_submodule(mode) and stat.S_IFMT(mode)]
    return [made.object[1]] if isinstance(made, Tag) else []
