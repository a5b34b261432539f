"""A commit's archive: read within limits, and checked against git's own hashes."""

import io
import stat
import tarfile
import zlib
from collections.abc import Iterable, Mapping

from chalicelib.domain.errors import TooLarge
from chalicelib.forgejo.files import File, TreeEntry, blob_sha, object_sha
from chalicelib.forgejo.transport import unavailable

MAX_PLAIN_BYTES = 128 * 1024 * 1024
# git keeps three kinds of modes for what an archive can hold.
_FILE, _PROGRAM, _LINK = "100644", "100755", "120000"


class Archive:
    """The files and links of one commit, as far as the archive tells."""

    def __init__(self, compressed: bytes, max_plain_bytes: int = MAX_PLAIN_BYTES) -> None:
        """Read a .tar.gz. Raise TooLarge, or Unavailable if it is none."""
        self._files: dict[str, File] = {}
        self._modes: dict[str, str] = {}
        try:
            with tarfile.open(fileobj=io.BytesIO(_plain(compressed, max_plain_bytes)), mode="r:") as tar:
                for member in tar:
                    self._take(tar, member)
        except (tarfile.TarError, zlib.error, EOFError, ValueError) as e:
            raise unavailable("the forge sent an archive we cannot read") from e

    @property
    def regular_files(self) -> dict[str, File]:
        return {path: file for path, file in self._files.items() if self._modes[path] != _LINK}

    def is_complete(self, root: Iterable[TreeEntry]) -> bool:
        """Tell whether it holds exactly what the commit's root folder says.

        An archive may leave files out or rewrite them (`export-ignore` and `export-subst` in .gitattributes).
        A folder's sha covers everything below it, so that comparing the top is enough. Submodules have no content.
        """
        found = _shas_below(self._files, self._modes)
        wanted = {entry.path: entry.sha for entry in root if entry.kind != "commit"}
        return {name: sha for name, (_, sha) in found.items()} == wanted

    def _take(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        # The first folder is the repository's name, put there by the forge.
        path = member.name.partition("/")[2]
        if member.isreg():
            source = tar.extractfile(member)
            content = source.read() if source else b""
            mode = _PROGRAM if member.mode & stat.S_IXUSR else _FILE
        elif member.issym():
            content, mode = member.linkname.encode(errors="surrogateescape"), _LINK
        else:
            return
        self._files[path] = File(path, blob_sha(content), content)
        self._modes[path] = mode


def _plain(compressed: bytes, max_bytes: int) -> bytes:
    inflater = zlib.decompressobj(wbits=31)
    plain = inflater.decompress(compressed, max_bytes)
    if len(plain) >= max_bytes:
        raise TooLarge(f"the repository holds more than {max_bytes} bytes")
    if not inflater.eof:
        raise EOFError("the archive ends early")
    return plain


def _shas_below(files: Mapping[str, File], modes: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the names of a folder with mode and sha as git would store them. Paths are relative to the folder."""
    names: dict[str, tuple[str, str]] = {}
    folders: dict[str, dict[str, File]] = {}
    for path, file in files.items():
        first, _, rest = path.partition("/")
        if rest:
            folders.setdefault(first, {})[rest] = file
        else:
            names[first] = (modes[file.path], file.sha)
    for first, below in folders.items():
        names[first] = ("40000", _tree_sha(_shas_below(below, modes)))
    return names


def _tree_sha(names: Mapping[str, tuple[str, str]]) -> str:
    content = b""
    # git sorts a folder as if its name ended in a slash.
    for name, (mode, sha) in sorted(names.items(), key=lambda item: _bytes(item[0]) + (b"/" if item[1][0] == "40000" else b"")):
        content += mode.encode() + b" " + _bytes(name) + b"\0" + bytes.fromhex(sha)
    return object_sha("tree", content)


def _bytes(name: str) -> bytes:
    return name.encode(errors="surrogateescape")
