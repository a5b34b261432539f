"""Archives: read within limits, and trusted only if git's own hashes agree."""

import gzip
import io
import tarfile
from dataclasses import replace

import pytest

from chalicelib.domain.errors import TooLarge, Unavailable
from chalicelib.forgejo.archive import Archive
from chalicelib.forgejo.files import TreeEntry, blob_sha

# `git ls-tree HEAD` for the files below: names that sort differently as a folder, a link and a program are among them.
ROOT = (
    TreeEntry("a-b", "4f6c4ee9d928270b4304e3abcd8d81df3e740d12", "100644", "blob", 1),
    TreeEntry("a.txt", "ea0c8a85cb7293feae2c9e151d1d395be59b61fa", "100644", "blob", 1),
    TreeEntry("a", "7342858e930c8f4413e10756393fe80feb398401", "040000", "tree", 0),
    TreeEntry("default", "acae39136b516ae6acfa38336ed76fac00c77b42", "040000", "tree", 0),
    TreeEntry("tool", "32f64f4d836716819dc5fa9a1e09a29b428881df", "100755", "blob", 1),
)
FILES = {"a-b": b"p", "a.txt": b"q", "a/f": b"z", "default/a.yaml": b"x", "default/sub/b": b"y", "tool": b"t"}
LINKS = {"a/link": "../default/a.yaml"}


def packed(files: dict[str, bytes], links: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", pax_headers={"comment": "f" * 40}) as tar:
        folder = tarfile.TarInfo("r")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for path, content in files.items():
            info = tarfile.TarInfo(f"r/{path}")
            info.size, info.mode = len(content), 0o775 if path == "tool" else 0o664
            tar.addfile(info, io.BytesIO(content))
        for path, target in links.items():
            info = tarfile.TarInfo(f"r/{path}")
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return gzip.compress(out.getvalue(), mtime=0)


def test_the_files_are_there_with_their_shas() -> None:
    files = Archive(packed(FILES, LINKS)).regular_files

    assert {path: (file.content, file.sha) for path, file in files.items()} == {
        path: (content, blob_sha(content)) for path, content in FILES.items()
    }


def test_an_archive_of_the_whole_commit_is_complete() -> None:
    assert Archive(packed(FILES, LINKS)).is_complete(ROOT)


@pytest.mark.parametrize("gone", FILES)
def test_a_file_that_was_left_out_is_noticed(gone: str) -> None:
    files = {path: content for path, content in FILES.items() if path != gone}

    assert not Archive(packed(files, LINKS)).is_complete(ROOT)


def test_a_file_that_was_rewritten_is_noticed() -> None:
    assert not Archive(packed({**FILES, "default/sub/b": b"stamped"}, LINKS)).is_complete(ROOT)


def test_a_link_is_no_file_but_counts() -> None:
    assert "a/link" not in Archive(packed(FILES, LINKS)).regular_files
    assert not Archive(packed(FILES, {})).is_complete(ROOT)


def test_a_submodule_at_the_top_has_no_content_to_miss() -> None:
    module = replace(ROOT[0], path="module", sha="9" * 40, mode="160000", kind="commit")

    assert Archive(packed(FILES, LINKS)).is_complete((*ROOT, module))


def test_an_empty_archive_is_an_empty_commit() -> None:
    empty = Archive(packed({}, {}))

    assert (empty.regular_files, empty.is_complete(())) == ({}, True)


def test_a_bomb_does_not_go_off() -> None:
    with pytest.raises(TooLarge):
        Archive(gzip.compress(bytes(10_000_000)), max_plain_bytes=100_000)


@pytest.mark.parametrize("broken", [b"", b"<html>", packed(FILES, LINKS)[:-20], gzip.compress(b"no tar at all" * 100, mtime=0)])
def test_what_is_no_archive_is_unavailable(broken: bytes) -> None:
    with pytest.raises(Unavailable):
        Archive(broken)
