"""Commits through the contents API: what is refused, what is repaired, and that nothing is lost."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.domain.errors import Conflict, Invalid, NotFound, Unavailable
from chalicelib.forgejo.files import Commit, FileChange, blob_sha
from tests.contract.forge.sessions import Losing
from tests.contract.forge.world import AUTHOR, Repository, World

PATH = "default/backup.yaml"


def commit(world: World, one: Repository, *changes: FileChange, message: str = "Change a job") -> Commit:
    return world.client().commit(one.owner, one.name, changes, message, AUTHOR)


def content(world: World, one: Repository, path: str = PATH) -> bytes:
    return world.client().read_file(one.owner, one.name, path).content


def test_a_file_is_created(world: World, repository: Repository) -> None:
    made = commit(world, repository, FileChange(PATH, b"a: 1\n"))

    assert content(world, repository) == b"a: 1\n"
    assert made.blobs == {PATH: blob_sha(b"a: 1\n")}
    assert made.sha == world.client().head(repository.owner, repository.name)


def test_a_file_is_updated_and_deleted_by_the_blob_that_was_read(world: World, repository: Repository) -> None:
    first = commit(world, repository, FileChange(PATH, b"a: 1\n"))
    second = commit(world, repository, FileChange(PATH, b"a: 2\n", first.blobs[PATH]))
    commit(world, repository, FileChange(PATH, None, second.blobs[PATH]))

    with pytest.raises(NotFound):
        content(world, repository)


def test_one_commit_changes_many_files(world: World, repository: Repository) -> None:
    first = commit(world, repository, FileChange("default/a.yaml", b"a"), FileChange("default/b.yaml", b"b"))
    before = history(world, repository)

    changes = [FileChange("default/a.yaml", b"A", first.blobs["default/a.yaml"]), FileChange("team/c.yaml", b"c")]
    changes.append(FileChange("default/b.yaml", None, first.blobs["default/b.yaml"]))
    commit(world, repository, *changes)

    paths = {entry.path for entry in world.client().list_tree(repository.owner, repository.name) if entry.is_regular}
    assert paths == {"default/.gitkeep", "default/a.yaml", "discovered/.gitkeep", "team/c.yaml"}
    assert history(world, repository) == before + 1


def test_a_refused_file_keeps_the_whole_commit_back(world: World, repository: Repository) -> None:
    commit(world, repository, FileChange(PATH, b"a: 1\n"))
    before = history(world, repository)

    with pytest.raises(Conflict):
        commit(world, repository, FileChange("default/new.yaml", b"n"), FileChange(PATH, b"a: 2\n"))

    assert history(world, repository) == before


def test_the_author_is_the_person_and_the_committer_the_bot(world: World, repository: Repository) -> None:
    commit(world, repository, FileChange(PATH, b"a"), message="Add backup\n\nCrontopus-Request-Id: r-1")

    newest = world.api("GET", f"{repository.path}/commits?limit=1").json()[0]["commit"]

    assert newest["author"]["email"] == AUTHOR.email
    assert newest["committer"]["name"] == world.bot
    assert newest["message"].strip() == "Add backup\n\nCrontopus-Request-Id: r-1"


def test_creating_a_file_that_exists_is_a_conflict(world: World, repository: Repository) -> None:
    commit(world, repository, FileChange(PATH, b"a"))

    with pytest.raises(Conflict, match=PATH):
        commit(world, repository, FileChange(PATH, b"b"))


@pytest.mark.parametrize("new", [b"b", None], ids=["update", "delete"])
def test_a_stale_sha_is_a_conflict_that_names_the_file(world: World, repository: Repository, new: bytes | None) -> None:
    commit(world, repository, FileChange(PATH, b"a"))

    with pytest.raises(Conflict, match=PATH):
        commit(world, repository, FileChange(PATH, new, blob_sha(b"older")))


@pytest.mark.parametrize("new", [b"b", None], ids=["update", "delete"])
def test_changing_a_file_that_is_gone_is_a_conflict(world: World, repository: Repository, new: bytes | None) -> None:
    with pytest.raises(Conflict, match=PATH):
        commit(world, repository, FileChange(PATH, new, blob_sha(b"a")))


@pytest.mark.parametrize("path", [".git/config", "default/.git/x"])
def test_a_path_inside_git_is_invalid(world: World, repository: Repository, path: str) -> None:
    with pytest.raises(Invalid):
        commit(world, repository, FileChange(path, b"a"))


def test_a_file_below_a_file_is_invalid(world: World, repository: Repository) -> None:
    commit(world, repository, FileChange(PATH, b"a"))

    with pytest.raises(Invalid):
        commit(world, repository, FileChange(f"{PATH}/deeper.yaml", b"a"))


def test_a_missing_repository_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        commit(world, Repository(world.org, "nothing-here"), FileChange(PATH, b"a"))


def test_a_lost_answer_leaves_one_commit(world: World, repository: Repository) -> None:
    before = history(world, repository)
    forge = world.client(session=Losing(answers=1))

    made = forge.commit(repository.owner, repository.name, [FileChange(PATH, b"a")], "Add", AUTHOR)

    assert history(world, repository) == before + 1
    assert made.sha == forge.head(repository.owner, repository.name)


def test_a_lost_answer_to_a_deletion_leaves_one_commit(world: World, repository: Repository) -> None:
    sha = commit(world, repository, FileChange(PATH, b"a")).blobs[PATH]
    before = history(world, repository)
    forge = world.client(session=Losing(answers=1))

    made = forge.commit(repository.owner, repository.name, [FileChange(PATH, None, sha)], "Delete", AUTHOR)

    assert history(world, repository) == before + 1
    assert made.sha == forge.head(repository.owner, repository.name)


def test_a_lost_request_is_sent_again(world: World, repository: Repository) -> None:
    before = history(world, repository)
    forge = world.client(session=Losing(requests_=2), sleep=lambda seconds: None)

    forge.commit(repository.owner, repository.name, [FileChange(PATH, b"a")], "Add", AUTHOR)

    assert history(world, repository) == before + 1


def test_a_forge_that_never_answers_is_unavailable(world: World, repository: Repository) -> None:
    forge = world.client(session=Losing(requests_=100), sleep=lambda seconds: None)

    with pytest.raises(Unavailable) as caught:
        forge.commit(repository.owner, repository.name, [FileChange(PATH, b"a")], "Add", AUTHOR)

    assert caught.value.code == "git_unavailable"


def test_of_two_writers_of_one_file_one_wins_and_one_is_told(world: World, repository: Repository) -> None:
    sha = commit(world, repository, FileChange(PATH, b"a")).blobs[PATH]

    outcomes = together(world, repository, [FileChange(PATH, text, sha) for text in (b"b", b"c")])

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Commit", "Conflict"]
    winner = next(outcome for outcome in outcomes if isinstance(outcome, Commit))
    assert winner.blobs[PATH] == blob_sha(content(world, repository))


def test_writers_of_different_files_all_succeed(world: World, repository: Repository) -> None:
    paths = [f"default/job-{number}.yaml" for number in range(4)]
    before = history(world, repository)

    outcomes = together(world, repository, [FileChange(path, path.encode()) for path in paths])

    assert [outcome for outcome in outcomes if not isinstance(outcome, Commit)] == []
    assert [content(world, repository, path) for path in paths] == [path.encode() for path in paths]
    assert history(world, repository) == before + len(paths)


def together(world: World, one: Repository, changes: list[FileChange]) -> list[Commit | BaseException]:
    """Return what became of commits that were made at the same time, one for each change."""
    with ThreadPoolExecutor(len(changes)) as pool:
        running = [pool.submit(commit, world, one, change, message=f"Change {change.content!r}") for change in changes]
        return [act.exception() or act.result() for act in running]


def history(world: World, one: Repository) -> int:
    return len(world.api("GET", f"{one.path}/commits?limit=50").json())
