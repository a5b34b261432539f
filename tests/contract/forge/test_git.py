"""Clone, fetch and push, with git itself and with dulwich, which the agent uses."""

from pathlib import Path

import pytest
from dulwich import porcelain
from dulwich.client import HTTPUnauthorized

from chalicelib.forgejo.files import FileChange
from tests.contract.forge.git import commit_all, git, refused
from tests.contract.forge.world import AUTHOR, Repository, World


@pytest.fixture
def reader(world: World, repository: Repository) -> tuple[str, str]:
    """An endpoint's credential: the tenant's login and a token that reads this one repository."""
    tenant = world.account("tenant")
    forge = world.client()
    forge.ensure_collaborator(repository.owner, repository.name, tenant.login, "read")
    pair = [(repository.owner, repository.name)]
    return tenant.login, forge.create_token(tenant.login, "ep-1", ["read:repository"], pair)


def test_git_clones_and_fetches_with_a_token(
    world: World, repository: Repository, reader: tuple[str, str], tmp_path: Path
) -> None:
    git("clone", "-q", world.git_url(repository, *reader), "work", cwd=tmp_path)
    newest = _write(world, repository, "default/a.yaml")

    git("pull", "-q", cwd=tmp_path / "work")

    assert git("rev-parse", "HEAD", cwd=tmp_path / "work") == newest
    assert (tmp_path / "work" / "default" / "a.yaml").read_bytes() == b"a: 1\n"


def test_git_takes_a_token_as_the_login(world: World, repository: Repository, reader: tuple[str, str], tmp_path: Path) -> None:
    git("clone", "-q", world.git_url(repository, reader[1], "x-oauth-basic"), "work", cwd=tmp_path)

    assert (tmp_path / "work" / "default" / ".gitkeep").exists()


def test_a_shallow_clone_holds_the_newest_commit(
    world: World, repository: Repository, reader: tuple[str, str], tmp_path: Path
) -> None:
    newest = _write(world, repository, "default/a.yaml")

    git("clone", "-q", "--depth", "1", world.git_url(repository, *reader), "work", cwd=tmp_path)

    assert git("log", "--format=%H", cwd=tmp_path / "work") == newest


def test_dulwich_clones_and_fetches_with_a_token(
    world: World, repository: Repository, reader: tuple[str, str], tmp_path: Path
) -> None:
    url, (login, token) = world.client().clone_url(repository.owner, repository.name), reader
    with porcelain.clone(url, str(tmp_path / "bare"), bare=True, username=login, password=token, errstream=_Nowhere()) as repo:
        newest = _write(world, repository, "default/a.yaml")

        fetched = porcelain.fetch(repo, url, username=login, password=token, errstream=_Nowhere(), outstream=_Nowhere())

        assert fetched.refs[b"refs/heads/main"].decode() == newest
        assert newest.encode() in repo.object_store


def test_dulwich_is_refused_with_a_wrong_token(world: World, repository: Repository, tmp_path: Path) -> None:
    url = world.client().clone_url(repository.owner, repository.name)

    with pytest.raises(HTTPUnauthorized):
        porcelain.clone(url, str(tmp_path / "bare"), bare=True, username="x", password="y", errstream=_Nowhere())


def test_a_push_by_hand_is_seen_by_the_api(world: World, repository: Repository, tmp_path: Path) -> None:
    folder = _work_tree(world, repository, tmp_path)
    (folder / "default" / "hand.yaml").write_text("a: 1\n")
    pushed = commit_all(folder)

    git("push", "-q", "origin", "main", cwd=folder)

    assert world.client().head(repository.owner, repository.name) == pushed


def test_a_push_that_is_behind_is_rejected(world: World, repository: Repository, tmp_path: Path) -> None:
    folder = _work_tree(world, repository, tmp_path)
    newest = _write(world, repository, "default/a.yaml")
    (folder / "b").touch()
    commit_all(folder)

    complaint = refused("push", "-q", "origin", "main", cwd=folder)

    assert "rejected" in complaint
    assert world.client().head(repository.owner, repository.name) == newest


def test_two_histories_meet_after_a_fetch(world: World, repository: Repository, tmp_path: Path) -> None:
    folder = _work_tree(world, repository, tmp_path)
    for number in range(40):
        (folder / "local").write_text(str(number))
        commit_all(folder)
    for name in ("a", "b", "c"):
        _write(world, repository, f"default/{name}.yaml")

    git("pull", "-q", "--no-rebase", "--no-edit", cwd=folder)
    git("push", "-q", "origin", "main", cwd=folder)

    assert world.client().head(repository.owner, repository.name) == git("rev-parse", "HEAD", cwd=folder)


def test_a_large_push_arrives_whole(world: World, repository: Repository, tmp_path: Path) -> None:
    # Above http.postBuffer (1 MiB) git sends the pack in chunks.
    folder = _work_tree(world, repository, tmp_path)
    noise = b"".join(str(number * 7919).encode() for number in range(600_000))
    (folder / "large.bin").write_bytes(noise)
    git("config", "core.compression", "0", cwd=folder)
    commit_all(folder)

    git("push", "-q", "origin", "main", cwd=folder)

    assert world.client().read_file(repository.owner, repository.name, "large.bin").content == noise


def test_a_read_only_collaborator_cannot_push(world: World, repository: Repository, tmp_path: Path) -> None:
    tenant = world.account("reader")
    world.client().ensure_collaborator(repository.owner, repository.name, tenant.login, "read")
    token = world.client().create_token(tenant.login, "writer", ["write:repository"])

    assert _push_is_refused(world, repository, world.git_url(repository, tenant.login, token), tmp_path)


def test_a_read_only_token_cannot_push(world: World, repository: Repository, tmp_path: Path) -> None:
    token = world.client().create_token(world.bot, f"reader-{repository.name}", ["read:repository"])

    assert _push_is_refused(world, repository, world.git_url(repository, world.bot, token), tmp_path)


def test_a_token_limited_to_one_repository_cannot_clone_another(
    world: World, repository: Repository, reader: tuple[str, str], tmp_path: Path
) -> None:
    other = world.repository()
    world.client().ensure_collaborator(other.owner, other.name, reader[0], "read")

    refused("clone", "-q", world.git_url(other, *reader), "work", cwd=tmp_path)


def test_a_stranger_cannot_clone(world: World, repository: Repository, tmp_path: Path) -> None:
    stranger = world.account("stranger")

    refused("clone", "-q", world.git_url(repository, stranger.login, stranger.password), "work", cwd=tmp_path)
    refused("clone", "-q", world.client().clone_url(repository.owner, repository.name), "work", cwd=tmp_path)


def test_a_deleted_token_is_dead_for_git_at_once(
    world: World, repository: Repository, reader: tuple[str, str], tmp_path: Path
) -> None:
    git("clone", "-q", world.git_url(repository, *reader), "work", cwd=tmp_path)

    world.client().delete_token(reader[0], "ep-1")

    refused("fetch", "-q", cwd=tmp_path / "work")


class _Nowhere:
    def write(self, _: bytes) -> None: ...

    def flush(self) -> None: ...


def _write(world: World, one: Repository, path: str) -> str:
    return world.client().commit(one.owner, one.name, [FileChange(path, b"a: 1\n")], "Write", AUTHOR).sha


def _work_tree(world: World, one: Repository, tmp_path: Path) -> Path:
    git("clone", "-q", world.git_url(one, world.bot, world.token), "work", cwd=tmp_path)
    return tmp_path / "work"


def _push_is_refused(world: World, one: Repository, url: str, tmp_path: Path) -> bool:
    folder = _work_tree(world, one, tmp_path)
    before = world.client().head(one.owner, one.name)
    (folder / "pushed").touch()
    commit_all(folder)
    refused("push", "-q", url, "main", cwd=folder)
    return world.client().head(one.owner, one.name) == before
