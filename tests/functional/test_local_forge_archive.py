"""Our archives against git's own, and our reader against both."""

import gzip
import subprocess
from pathlib import Path

import pytest

from chalicelib.forgejo.archive import Archive
from chalicelib.forgejo.files import TreeEntry
from tests.contract.forge.git import commit_all, git


@pytest.fixture
def work_tree(tmp_path: Path) -> Path:
    git("init", "-q", "-b", "main", cwd=tmp_path)
    for path in ("default/a.yaml", "default/sub/ü.yaml", "default.yaml", f"long/{'x' * 150}/{'y' * 150}.yaml"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    (tmp_path / "tool").write_text("true")
    (tmp_path / "tool").chmod(0o755)
    (tmp_path / "default" / "link").symlink_to("a.yaml")
    return tmp_path


def test_what_git_packs_is_complete(work_tree: Path) -> None:
    commit_all(work_tree)

    archive = Archive(_git_archive(work_tree))

    assert archive.is_complete(_root(work_tree))
    assert archive.regular_files["default/sub/ü.yaml"].content == "default/sub/ü.yaml".encode()


@pytest.mark.parametrize("attributes", ["a.yaml export-ignore", ".gitattributes export-ignore", "stamp export-subst"])
def test_what_git_leaves_out_or_rewrites_is_noticed(work_tree: Path, attributes: str) -> None:
    (work_tree / ".gitattributes").write_text(attributes)
    (work_tree / "stamp").write_text("$Format:%H$")
    commit_all(work_tree)

    assert not Archive(_git_archive(work_tree)).is_complete(_root(work_tree))


def _git_archive(work_tree: Path) -> bytes:
    command = ["git", "archive", "--prefix=job-manifests-t/", "--format=tar", "HEAD"]
    return gzip.compress(subprocess.run(command, cwd=work_tree, capture_output=True, check=True, timeout=30).stdout)


def _root(work_tree: Path) -> list[TreeEntry]:
    listed = (line.split(maxsplit=3) for line in git("ls-tree", "HEAD", cwd=work_tree).splitlines())
    return [TreeEntry(path, sha, mode, kind, 0) for mode, kind, sha, path in listed]
