"""Reading heads, files, trees, blobs and whole commits."""

from pathlib import Path

import pytest

from chalicelib.domain.errors import NotFound
from chalicelib.forgejo.files import FileChange, blob_sha
from tests.contract.forge.git import commit_all, git
from tests.contract.forge.sessions import Counting
from tests.contract.forge.world import AUTHOR, Repository, World


def test_the_head_of_an_empty_repository_is_none(world: World) -> None:
    one = world.empty_repository()
    world.client().ensure_collaborator(one.owner, one.name, world.bot, "write")

    assert world.client().head(one.owner, one.name) is None


def test_the_head_of_a_missing_repository_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        world.client().head(world.org, "nothing-here")


def test_the_head_of_a_missing_branch_is_not_found(world: World, repository: Repository) -> None:
    with pytest.raises(NotFound):
        world.client().head(repository.owner, repository.name, "nothing-here")


def test_a_file_is_read_with_its_blob_sha(world: World, repository: Repository) -> None:
    text = "größe: 1\r\n".encode() + bytes(range(256))
    _write(world, repository, FileChange("default/ü b#?%.yaml", text))

    found = world.client().read_file(repository.owner, repository.name, "default/ü b#?%.yaml")

    assert (found.content, found.sha) == (text, blob_sha(text))


def test_a_file_is_read_as_it_was_at_a_commit(world: World, repository: Repository) -> None:
    sha = _write(world, repository, FileChange("default/a.yaml", b"1"))
    _write(world, repository, FileChange("default/a.yaml", b"2", blob_sha(b"1")))

    assert world.client().read_file(repository.owner, repository.name, "default/a.yaml", sha).content == b"1"


@pytest.mark.parametrize("path", ["default/none.yaml", "default", "default/.gitkeep/deeper"])
def test_what_is_no_file_is_not_found(world: World, repository: Repository, path: str) -> None:
    with pytest.raises(NotFound):
        world.client().read_file(repository.owner, repository.name, path)


def test_a_file_of_an_empty_repository_is_not_found(world: World) -> None:
    one = world.empty_repository()
    world.client().ensure_collaborator(one.owner, one.name, world.bot, "read")

    with pytest.raises(NotFound):
        world.client().read_file(one.owner, one.name, "default/a.yaml")


def test_the_tree_of_an_unknown_commit_is_not_found(world: World, repository: Repository) -> None:
    with pytest.raises(NotFound):
        world.client().list_tree(repository.owner, repository.name, "f" * 40)


def test_blobs_are_read_together(world: World, repository: Repository) -> None:
    contents = {blob_sha(text): text for text in (b"", b"one", b"two" * 1000)}
    _write(world, repository, FileChange("default/one.yaml", b"one"), FileChange("default/two.yaml", b"two" * 1000))

    assert world.client().read_blobs(repository.owner, repository.name, contents) == contents


def test_a_missing_blob_is_not_found(world: World, repository: Repository) -> None:
    with pytest.raises(NotFound):
        world.client().read_blobs(repository.owner, repository.name, [blob_sha(b""), "f" * 40])


def test_a_thousand_manifests_cost_three_calls(world: World, repository: Repository, tmp_path: Path) -> None:
    folder = _cloned(world, repository, tmp_path)
    for number in range(1000):
        (folder / "default" / f"job-{number:04}.yaml").write_text(f"number: {number}\n")
    commit_all(folder)
    git("push", "-q", "origin", "main", cwd=folder)
    session = Counting()
    forge = world.client(session=session)

    head = forge.head(repository.owner, repository.name)
    files = forge.read_all(repository.owner, repository.name, head or "")

    assert len(session.calls) == 3
    assert len(files) == 1002
    assert files["default/job-0999.yaml"].content == b"number: 999\n"


def test_a_tree_of_more_than_a_page_is_read_to_its_end(world: World, repository: Repository, tmp_path: Path) -> None:
    folder = _cloned(world, repository, tmp_path)
    for number in range(1100):
        (folder / "default" / f"job-{number:04}.yaml").touch()
    commit_all(folder)
    git("push", "-q", "origin", "main", cwd=folder)

    entries = world.client().list_tree(repository.owner, repository.name)

    assert len(entries) == len({entry.path for entry in entries}) == 1100 + 4


def test_a_commit_is_read_as_it_is_whatever_the_archive_leaves_out(
    world: World, repository: Repository, tmp_path: Path
) -> None:
    folder = _cloned(world, repository, tmp_path)
    (folder / ".gitattributes").write_text("hidden.yaml export-ignore\nstamp.yaml export-subst\n.gitattributes export-ignore\n")
    (folder / "default" / "hidden.yaml").write_text("a: 1\n")
    (folder / "default" / "stamp.yaml").write_text("commit: $Format:%H$\n")
    (folder / "default" / "link.yaml").symlink_to("hidden.yaml")
    (folder / "tool.sh").write_text("true\n")
    (folder / "tool.sh").chmod(0o755)
    sha = commit_all(folder)
    git("push", "-q", "origin", "main", cwd=folder)

    files = world.client().read_all(repository.owner, repository.name, sha)

    manifests = {"default/.gitkeep", "default/hidden.yaml", "default/stamp.yaml", "discovered/.gitkeep"}
    assert set(files) == manifests | {".gitattributes", "tool.sh"}
    assert files["default/stamp.yaml"].content == b"commit: $Format:%H$\n"


def _write(world: World, one: Repository, *changes: FileChange) -> str:
    return world.client().commit(one.owner, one.name, changes, "Write", AUTHOR).sha


def _cloned(world: World, one: Repository, tmp_path: Path) -> Path:
    git("clone", "-q", world.git_url(one, world.bot, world.token), "work", cwd=tmp_path)
    return tmp_path / "work"
