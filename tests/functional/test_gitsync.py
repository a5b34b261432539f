import logging
import shutil
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.gitdoor import Door, Limits
from agent.gitsync import MARKER, GitSource, Snapshot
from chalicelib.domain.errors import Invalid, Stalled, Unavailable
from tests.fixtures.git_http import TOKEN, USERNAME, BareRepository, Forge, Special, serving


class Place:
    """A repository, the forge that serves it, and where our copy goes."""

    def __init__(self, folder: Path, forge: Forge) -> None:
        self.remote = BareRepository(folder / "forge")
        self.forge = forge
        self.copy = folder / "home" / "repo"
        self.copy.parent.mkdir()

    def source(self, *, password: str = TOKEN, url: str = "", limits: Limits | None = None, max_packs: int = 50) -> GitSource:
        address = url or self.forge.clone_url
        door = Door(address, USERNAME, password, limits or Limits())
        return GitSource(self.copy, address, "main", door, max_packs=max_packs)

    def paths(self, source: GitSource | None = None) -> list[str]:
        source = source or self.source()
        return source.visit(source.head(), lambda snapshot: [file.path for file in snapshot.files()])


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "forge").mkdir()
    with serving(tmp_path / "forge") as forge:
        yield Place(tmp_path, forge)


def code_of(act: object) -> str:
    with pytest.raises((Stalled, Unavailable)) as caught:
        act()  # type: ignore[operator]
    return caught.value.code


def test_the_files_of_a_commit_are_read_from_its_objects(place: Place) -> None:
    place.remote.commit({"default/a.yaml": b"one", "ops/deep/er/b.yml": b"two"})
    source = place.source()

    content = source.visit(source.head(), lambda snapshot: {file.path: snapshot.read(file.sha) for file in snapshot.files()})

    assert content == {"default/a.yaml": b"one", "ops/deep/er/b.yml": b"two"}


def test_nothing_of_the_repository_becomes_a_file(place: Place) -> None:
    place.remote.commit({"default/a.yaml": b"one"})
    place.paths()

    assert not list(place.copy.parent.rglob("*.yaml"))


def test_new_commits_are_fetched_onto_the_copy_that_is_there(place: Place) -> None:
    place.remote.commit({"default/a.yaml": b"one"})
    source = place.source()
    place.paths(source)
    place.remote.commit({"default/b.yaml": b"two"})

    assert place.paths(source) == ["default/a.yaml", "default/b.yaml"]


def test_a_commit_that_is_there_needs_one_request_to_say_so(place: Place) -> None:
    place.remote.commit({"default/a.yaml": b"one"})
    source = place.source()
    place.paths(source)
    place.forge.requests.clear()
    place.paths(source)

    assert len(place.forge.requests) == 1


def test_a_copy_outlives_the_process(place: Place) -> None:
    place.remote.commit({"default/a.yaml": b"one"})
    place.paths()
    place.forge.requests.clear()

    assert place.paths(place.source()) == ["default/a.yaml"]
    assert not any("POST" in request for request in place.forge.requests)


def test_symlinks_and_submodules_are_told_from_files(place: Place) -> None:
    place.remote.commit({"default/a.yaml": Special("120000", "/etc/shadow"), "default/m": Special("160000", "1" * 40)})
    source = place.source()

    assert source.visit(source.head(), lambda snapshot: [file.kind for file in snapshot.files()]) == ["symlink", "submodule"]


def test_a_file_larger_than_a_manifest_may_be_is_refused(place: Place) -> None:
    place.remote.commit({"default/a.yaml": b"x" * (64 * 1024 + 1), "default/b.yaml": b"x" * 64 * 1024})
    source = place.source()

    def read(snapshot: Snapshot) -> int:
        big, fitting = snapshot.files()
        with pytest.raises(Invalid, match="1 problem"):
            snapshot.read(big.sha)
        return len(snapshot.read(fitting.sha))

    assert source.visit(source.head(), read) == 64 * 1024


def test_an_empty_tree_is_a_commit_without_files(place: Place) -> None:
    place.remote.commit({"default/a.yaml": b"one"})
    place.remote.commit({"default/a.yaml": None})

    assert place.paths() == []


def test_descent_is_told_from_a_rewritten_history(place: Place) -> None:
    first = place.remote.commit({"default/a.yaml": b"one"})
    second = place.remote.commit({"default/a.yaml": b"two"})
    source = place.source()
    place.paths(source)

    assert source.visit(second, lambda snapshot: snapshot.descends_from(first))
    third = place.remote.commit({"default/a.yaml": b"three"}, is_orphan=True)
    assert not source.visit(third, lambda snapshot: snapshot.descends_from(second))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, "git_unavailable"),
        (502, "git_unavailable"),
        (429, "git_unavailable"),
        (401, "git_auth"),
        (403, "git_auth"),
        (404, "source_missing"),
        (204, "source_missing"),
    ],
)
def test_each_answer_of_the_forge_has_its_own_outcome(place: Place, status: int, code: str) -> None:
    place.forge.status = status

    assert code_of(place.source().head) == code


def test_a_forge_that_is_down_is_unavailable(place: Place) -> None:
    assert code_of(place.source(url="http://127.0.0.1:9/x.git").head) == "git_unavailable"


def test_a_wrong_credential_is_told_from_a_missing_repository(place: Place) -> None:
    place.remote.commit({"default/a.yaml": b"one"})

    assert code_of(place.source(password="wrong").head) == "git_auth"
    assert code_of(place.source(url=place.forge.url + "/crontopus/other.git").head) == "source_missing"


def test_a_deleted_branch_is_told_from_a_repository_nobody_pushed_to(place: Place) -> None:
    with pytest.raises(Stalled, match="nothing was ever pushed"):
        place.source().head()
    place.remote.commit({"default/a.yaml": b"one"})
    place.remote.commit({"default/a.yaml": b"one"}, branch="other")
    place.remote.delete_branch()

    with pytest.raises(Stalled, match="no branch main") as caught:
        place.source().head()
    assert caught.value.code == "branch_missing"


def test_a_commit_that_the_branch_has_left_behind_is_not_asked_for(place: Place) -> None:
    first = place.remote.commit({"default/a.yaml": b"one"})
    place.remote.commit({"default/a.yaml": b"two"}, is_orphan=True)

    assert code_of(lambda: place.source().visit(first, lambda snapshot: snapshot.files())) == "git_unavailable"


def test_a_forge_that_accepts_and_never_answers_is_given_up(place: Place) -> None:
    place.forge.is_hanging = True

    assert code_of(place.source(limits=Limits(read_s=0.2)).head) == "git_unavailable"


def test_an_exchange_ends_at_its_deadline_even_if_bytes_keep_coming(place: Place) -> None:
    place.remote.commit({"default/a.yaml": b"one"})

    assert code_of(place.source(limits=Limits(total_s=-1)).head) == "git_unavailable"


def test_a_repository_that_is_too_large_is_given_up(place: Place) -> None:
    place.remote.commit({"default/a.bin": bytes(range(256)) * 40})
    source = place.source(limits=Limits(max_bytes=1000))

    assert code_of(lambda: place.paths(source)) == "source_too_large"


def test_a_redirect_is_not_followed_and_gets_no_credential(place: Place) -> None:
    with serving(place.copy.parent) as elsewhere:
        place.forge.status, place.forge.location = 302, elsewhere.url + "/crontopus/other.git/info/refs?service=git-upload-pack"

        assert code_of(place.source().head) == "source_missing"
    assert elsewhere.requests == []


def test_the_credential_is_nowhere_but_in_the_header(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.remote.commit({"default/a.yaml": b"one"})
    wrong = "-".join(["some", "wrong", "secret"])
    with caplog.at_level(logging.DEBUG), pytest.raises(Stalled) as caught:
        place.paths()
        place.source(password=wrong).head()

    files = b"".join(path.read_bytes() for path in place.copy.rglob("*") if path.is_file())
    told = caplog.text + "".join(traceback.format_exception(caught.value))
    assert not any(secret in told for secret in (TOKEN, wrong))
    assert TOKEN.encode() not in files
    assert not any(TOKEN in request for request in place.forge.requests)


def damaged(copy: Path, how: str) -> None:
    if how == "pack cut short":
        pack = next(copy.glob("objects/pack/*.pack"))
        pack.write_bytes(pack.read_bytes()[:40])
    elif how == "pack gone":
        next(copy.glob("objects/pack/*.pack")).unlink()
    elif how == "index zeroed":
        index = next(copy.glob("objects/pack/*.idx"))
        index.write_bytes(b"\0" * index.stat().st_size)
    elif how == "objects gone":
        shutil.rmtree(copy / "objects")
    elif how == "no repository":
        (copy / "HEAD").unlink()
        shutil.rmtree(copy / "refs")
    elif how == "lock left":
        (copy / "refs/heads/main.lock").write_text("")


@pytest.mark.parametrize("how", ["pack cut short", "pack gone", "index zeroed", "objects gone", "no repository", "lock left"])
def test_a_damaged_copy_is_replaced_by_a_fresh_one(place: Place, how: str) -> None:
    place.remote.commit({"default/a.yaml": b"one"})
    place.paths()
    damaged(place.copy, how)
    place.remote.commit({"default/b.yaml": b"two"})

    assert place.paths() == ["default/a.yaml", "default/b.yaml"]
    assert [path.name for path in place.copy.parent.iterdir()] == ["repo"]


def test_while_the_forge_is_down_a_damaged_copy_stays_as_it_is(place: Place) -> None:
    head = place.remote.commit({"default/a.yaml": b"one"})
    place.paths()
    damaged(place.copy, "pack cut short")
    place.forge.status = 503

    assert code_of(lambda: place.source().visit(head, lambda snapshot: snapshot.files())) == "git_unavailable"
    assert (place.copy / MARKER).exists()


def test_a_folder_we_did_not_make_is_never_touched(place: Place) -> None:
    place.remote.commit({"default/a.yaml": b"one"})
    place.copy.mkdir()
    (place.copy / "precious").write_text("mine")

    assert code_of(place.paths) == "repo_not_ours"
    assert (place.copy / "precious").read_text() == "mine"


def test_another_repository_gets_a_copy_of_its_own(place: Place) -> None:
    place.remote.commit({"default/a.yaml": b"one"})
    place.paths()
    with serving(place.remote.path.parent.parent) as moved:
        assert place.paths(place.source(url=moved.clone_url)) == ["default/a.yaml"]
        assert moved.clone_url in (place.copy / MARKER).read_text()


def test_a_copy_of_many_small_packs_is_made_anew(place: Place) -> None:
    source = place.source(max_packs=3)
    for number in range(5):
        place.remote.commit({"default/a.yaml": b"%d" % number})
        place.paths(source)

    assert len(list(place.copy.glob("objects/pack/*.pack"))) < 3
