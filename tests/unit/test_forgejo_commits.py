"""What became of a commit when the forge does not say: decided by what lies there."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from chalicelib.domain.errors import Conflict, Invalid, NotFound, Unavailable
from chalicelib.forgejo.client import Forgejo
from chalicelib.forgejo.commits import commit_body, is_done, stale_paths
from chalicelib.forgejo.files import Author, FileChange, blob_sha

AUTHOR = Author("Ann", "ann@example.org")
PATH = "default/a.yaml"
OLD, NEW = b"a: 1\n", b"a: 2\n"
UPDATE = FileChange(PATH, NEW, blob_sha(OLD))
MESSAGE = "Change a\n\nCrontopus-Request-Id: r-1"


Post = tuple[int | None, bool]
Meanwhile = Callable[["Forge"], None]


class Forge(requests.Session):
    """One branch in memory. posts: what each POST does, in order: a code, and whether it commits all the same."""

    def __init__(self, files: dict[str, bytes], *posts: Post, meanwhile: "Meanwhile | None" = None) -> None:
        super().__init__()
        self.files = files
        self.messages = dict.fromkeys(files, "Earlier")
        self.posted = 0
        self._posts = posts
        self._meanwhile = meanwhile

    def request(self, method: str, url: str, **options: Any) -> Any:  # type: ignore[override]
        if method == "POST":
            return self._post(options["json"])
        if "/git/trees/" in url:
            tree = [_entry(path, content) for path, content in self.files.items()]
            return Body(200, {"tree": tree, "total_count": len(tree)})
        path = options["params"].get("path")
        if path and path not in self.messages:
            return Body(404, {})
        return Body(200, [{"sha": "c" * 40, "commit": {"message": self.messages.get(path, "") + "\n"}}])

    def _post(self, body: dict[str, Any]) -> "Body":
        status, commits = self._posts[min(self.posted, len(self._posts) - 1)]
        self.posted += 1
        if commits:
            for file in body["files"]:
                self.messages[file["path"]] = body["message"]
                self.files[file["path"]] = NEW
                if file["operation"] == "delete":
                    del self.files[file["path"]]
        if self._meanwhile:
            self._meanwhile(self)
        if status is None:
            raise requests.ReadTimeout
        return Body(status, {"commit": {"sha": "d" * 40}, "message": "sha does not match"})


class Body:
    def __init__(self, status: int, value: object) -> None:
        self.status_code = status
        self._value = value

    def __enter__(self) -> "Body":
        return self

    def __exit__(self, *_: object) -> None: ...

    def iter_content(self, size: int) -> Iterator[bytes]:
        yield json.dumps(self._value).encode()


def commit(forge: Forge, *changes: FileChange) -> str:
    naps: list[float] = []
    return Forgejo("http://forge", "t", forge, naps.append).commit("o", "r", changes, MESSAGE, AUTHOR).sha


def test_a_plain_success_costs_one_call() -> None:
    forge = Forge({PATH: OLD}, (201, True))

    assert commit(forge, UPDATE) == "d" * 40


@pytest.mark.parametrize("lost", [500, 502, None])
def test_a_commit_whose_answer_was_lost_is_found(lost: int | None) -> None:
    forge = Forge({PATH: OLD}, (lost, True))

    assert commit(forge, UPDATE) == "c" * 40
    assert forge.posted == 1


@pytest.mark.parametrize("lost", [500, None])
def test_a_lost_race_is_tried_again(lost: int | None) -> None:
    forge = Forge({PATH: OLD}, (lost, False), (lost, False), (201, True))

    assert commit(forge, UPDATE) == "d" * 40


def test_after_five_tries_it_is_unavailable() -> None:
    forge = Forge({PATH: OLD}, (500, False))

    with pytest.raises(Unavailable) as caught:
        commit(forge, UPDATE)

    assert (forge.posted, caught.value.code) == (5, "git_unavailable")


def test_a_change_by_somebody_else_is_a_conflict_that_names_the_file() -> None:
    def elsewhere(forge: Forge) -> None:
        forge.files[PATH] = b"theirs"

    with pytest.raises(Conflict, match=PATH):
        commit(Forge({PATH: OLD}, (500, False), meanwhile=elsewhere), UPDATE)


def test_a_slow_first_try_that_arrives_after_all_is_ours() -> None:
    """The first POST times out, is carried out later, and makes the second one a conflict with ourselves."""

    def late(forge: Forge) -> None:
        if forge.posted == 2:
            forge.files[PATH], forge.messages[PATH] = NEW, MESSAGE

    forge = Forge({PATH: OLD}, (None, False), (409, False), meanwhile=late)

    assert commit(forge, UPDATE) == "c" * 40


def test_the_same_deletion_by_somebody_else_is_a_conflict() -> None:
    with pytest.raises(Conflict, match=PATH):
        commit(Forge({}, (500, False)), FileChange(PATH, None, blob_sha(OLD)))


def test_a_deletion_whose_answer_was_lost_is_found() -> None:
    assert commit(Forge({PATH: OLD}, (None, True)), FileChange(PATH, None, blob_sha(OLD))) == "c" * 40


def test_a_change_to_what_is_there_already_is_tried_again() -> None:
    forge = Forge({PATH: OLD}, (500, False), (201, True))

    assert commit(forge, FileChange(PATH, OLD, blob_sha(OLD))) == "d" * 40


@pytest.mark.parametrize(("status", "error"), [(409, Conflict), (422, Conflict), (404, NotFound), (403, Unavailable)])
def test_a_refusal_is_final_at_the_first_try(status: int, error: type[Exception]) -> None:
    forge = Forge({PATH: OLD}, (status, False))

    with pytest.raises(error):
        commit(forge, UPDATE)

    assert forge.posted == 1


def test_a_refusal_after_a_lost_try_is_final_too() -> None:
    forge = Forge({PATH: OLD}, (None, False), (404, False))

    with pytest.raises(NotFound):
        commit(forge, UPDATE)


def test_a_path_that_cannot_be_is_invalid() -> None:
    class Strict(Forge):
        def _post(self, body: dict[str, Any]) -> Body:
            return Body(422, {"message": "path contains a malformed path component [path: .git/x]"})

    with pytest.raises(Invalid) as caught:
        commit(Strict({}), FileChange(".git/x", b""))

    assert list(caught.value.problems) == [".git/x"]


def test_the_body_names_operation_sha_and_author() -> None:
    body = commit_body(
        [FileChange("a", b"x"), FileChange("b", b"", "1" * 40), FileChange("c", None, "2" * 40)], "m", AUTHOR, "main"
    )

    assert body["files"] == [
        {"operation": "create", "path": "a", "content": "eA=="},
        {"operation": "update", "path": "b", "content": "", "sha": "1" * 40},
        {"operation": "delete", "path": "c", "sha": "2" * 40},
    ]
    assert body["author"] == {"name": "Ann", "email": "ann@example.org"}


def test_all_paths_count_for_done_and_stale() -> None:
    changes = [UPDATE, FileChange("new", b"n")]

    assert not is_done(changes, {PATH: blob_sha(NEW)})
    assert is_done(changes, {PATH: blob_sha(NEW), "new": blob_sha(b"n")})
    assert stale_paths(changes, {PATH: blob_sha(OLD), "new": blob_sha(b"other")}) == ["new"]


def _entry(path: str, content: bytes) -> dict[str, object]:
    return {"path": path, "sha": blob_sha(content), "mode": "100644", "type": "blob", "size": len(content)}
