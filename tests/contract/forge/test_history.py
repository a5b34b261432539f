"""Listing the commits that touched one file."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.errors import NotFound
from chalicelib.forgejo.files import FileChange, PastCommit, blob_sha
from tests.contract.forge.world import AUTHOR, Repository, World

PATH = "default/ü backup.yaml"


def write(world: World, one: Repository, message: str, *changes: FileChange) -> str:
    return world.client().commit(one.owner, one.name, changes, message, AUTHOR).sha


def listed(world: World, one: Repository, path: str = PATH, limit: int = 20, page: int = 1) -> tuple[PastCommit, ...]:
    return world.client().list_commits(one.owner, one.name, path, limit=limit, page=page)


@pytest.fixture
def shas(world: World, repository: Repository) -> list[str]:
    """Three commits of the file, oldest first, with one between them that does not touch it."""
    made = [write(world, repository, "Create\n\nCrontopus-Request-Id: 1\n", FileChange(PATH, b"1"))]
    write(world, repository, "Another", FileChange("default/other.yaml", b"1"))
    made.append(write(world, repository, "Change", FileChange(PATH, b"2", blob_sha(b"1"))))
    made.append(write(world, repository, "Delete", FileChange(PATH, sha=blob_sha(b"2"))))
    return made


def test_the_commits_of_a_file_come_newest_first_also_when_it_is_gone(
    world: World, repository: Repository, shas: list[str]
) -> None:
    found = listed(world, repository)

    assert [one.sha for one in found] == shas[::-1]
    assert [one.subject for one in found] == ["Delete", "Change", "Create"]
    assert {one.author for one in found} == {AUTHOR.name}
    assert abs(found[0].at - datetime.now(UTC)) < timedelta(minutes=5)


def test_commits_come_in_pages(world: World, repository: Repository, shas: list[str]) -> None:
    assert [one.sha for one in listed(world, repository, limit=2)] == [shas[2], shas[1]]
    assert [one.sha for one in listed(world, repository, limit=2, page=2)] == [shas[0]]
    assert listed(world, repository, limit=2, page=3) == ()


def test_a_path_where_nothing_ever_lay_has_no_commits(world: World, repository: Repository) -> None:
    assert listed(world, repository, "default/none.yaml") == ()


def test_a_moved_file_begins_anew(world: World, repository: Repository) -> None:
    write(world, repository, "Create", FileChange(PATH, b"1"))
    moved = write(world, repository, "Move", FileChange("team/backup.yaml", b"1"), FileChange(PATH, sha=blob_sha(b"1")))

    assert [one.sha for one in listed(world, repository, "team/backup.yaml")] == [moved]


def test_an_empty_repository_has_no_commits(world: World) -> None:
    one = world.empty_repository()
    world.client().ensure_collaborator(one.owner, one.name, world.bot, "read")

    assert listed(world, one) == ()


def test_a_branch_that_is_not_there_has_no_commits(world: World, repository: Repository) -> None:
    assert world.client().list_commits(repository.owner, repository.name, PATH, limit=1, branch="none") == ()


def test_a_commit_names_its_parent_and_what_it_removed(world: World, repository: Repository) -> None:
    first = write(world, repository, "Create", FileChange(PATH, b"1"), FileChange("default/a.yaml", b"1"))
    moved = write(world, repository, "Move", FileChange("team/backup.yaml", b"1"), FileChange(PATH, sha=blob_sha(b"1")))

    facts = world.client().read_commit(repository.owner, repository.name, moved)

    assert (facts.sha, facts.parent, facts.removed) == (moved, first, (PATH,))


def test_a_commit_that_is_not_there_is_not_found(world: World, repository: Repository) -> None:
    with pytest.raises(NotFound):
        world.client().read_commit(repository.owner, repository.name, "0" * 40)
