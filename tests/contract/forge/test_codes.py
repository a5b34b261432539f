"""The codes the client builds on, asked by hand: if a forge answers otherwise, the client has to change."""

import base64
from collections.abc import Callable

import pytest
import requests

from chalicelib.forgejo.files import blob_sha
from tests.contract.forge.world import Repository, World

OLD, STALE = blob_sha(b"a"), blob_sha(b"older")
CONTENT = base64.b64encode(b"b").decode()
Ask = Callable[..., requests.Response]


@pytest.fixture
def ask(world: World, repository: Repository) -> Ask:
    """Ask as the bot, below a repository that holds default/a.yaml."""

    def send(method: str, path: str, body: object = None) -> requests.Response:
        return world.api(method, f"{repository.path}/{path}", body, token=world.token)

    assert send("POST", "contents/default/a.yaml", {"content": base64.b64encode(b"a").decode()}).status_code == 201
    return send


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "contents/default/a.yaml", {"content": CONTENT}, 422),
        ("PUT", "contents/default/a.yaml", {"content": CONTENT, "sha": OLD}, 200),
        ("PUT", "contents/default/a.yaml", {"content": CONTENT, "sha": STALE}, 409),
        ("PUT", "contents/default/a.yaml", {"content": CONTENT}, 422),
        ("PUT", "contents/default/none.yaml", {"content": CONTENT, "sha": OLD}, 500),
        ("DELETE", "contents/default/a.yaml", {"sha": OLD}, 200),
        ("DELETE", "contents/default/a.yaml", {"sha": STALE}, 400),
        ("DELETE", "contents/default/none.yaml", {"sha": OLD}, 404),
        ("POST", "contents/.git/x", {"content": CONTENT}, 422),
        ("POST", "contents/default/b.yaml", {"content": "not base64!"}, 422),
        ("POST", "contents/default/b.yaml", {"content": CONTENT, "branch": "none"}, 404),
        ("GET", "contents/default/none.yaml", None, 404),
        ("GET", "contents/default/a.yaml?ref=none", None, 404),
        ("GET", "raw/default/a.yaml", None, 200),
        ("GET", "git/trees/none", None, 400),
        ("GET", f"git/blobs/{STALE}", None, 400),
        ("GET", f"git/blobs?shas={OLD},{STALE}", None, 400),
        ("GET", "branches/main", None, 200),
        ("GET", "branches/none", None, 404),
        ("GET", "commits?path=default/none.yaml", None, 404),
        ("GET", "archive/none.tar.gz", None, 404),
    ],
)
def test_a_call_has_its_code(ask: Ask, method: str, path: str, body: object, code: int) -> None:
    assert ask(method, path, body).status_code == code


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ({"operation": "create", "path": "default/a.yaml", "content": CONTENT}, 422),
        ({"operation": "update", "path": "default/a.yaml", "content": CONTENT, "sha": STALE}, 409),
        ({"operation": "update", "path": "default/a.yaml", "content": CONTENT}, 422),
        ({"operation": "update", "path": "default/none.yaml", "content": CONTENT, "sha": OLD}, 500),
        ({"operation": "delete", "path": "default/a.yaml", "sha": STALE}, 409),
        ({"operation": "delete", "path": "default/none.yaml", "sha": OLD}, 500),
        ({"operation": "delete", "path": "default/a.yaml", "sha": OLD}, 201),
    ],
)
def test_a_file_among_several_has_its_code(ask: Ask, file: dict[str, str], code: int) -> None:
    good = {"operation": "create", "path": "default/new.yaml", "content": CONTENT}

    assert ask("POST", "contents", {"files": [good, file], "message": "Several"}).status_code == code


def test_a_failure_hides_its_reason_from_the_bot(ask: Ask) -> None:
    answer = ask("PUT", "contents/default/none.yaml", {"content": CONTENT, "sha": OLD})

    assert answer.json()["message"] == ""


def test_an_empty_repository_answers_in_its_own_way(world: World) -> None:
    one = world.empty_repository()

    assert world.api("GET", f"{one.path}/contents").json() == []
    assert world.api("GET", f"{one.path}/commits").status_code == 409
    assert world.api("GET", f"{one.path}/git/trees/main").status_code == 400
    assert world.api("PUT", f"{one.path}/contents/a", {"content": CONTENT, "sha": OLD}).status_code == 422


def test_several_files_make_the_first_commit_of_an_empty_repository(world: World) -> None:
    one = world.empty_repository()
    files = [{"operation": "create", "path": f"{name}/.gitkeep", "content": ""} for name in ("default", "discovered")]

    answer = world.api("POST", f"{one.path}/contents", {"files": files, "message": "First", "branch": "main"})

    assert answer.status_code == 201
    assert world.api("GET", f"{one.path}/branches/main").json()["commit"]["id"] == answer.json()["commit"]["sha"]


def test_a_second_repository_of_one_name_is_a_conflict(world: World, repository: Repository) -> None:
    answer = world.api("POST", f"orgs/{world.org}/repos", {"name": repository.name, "private": True})

    assert answer.status_code == 409


def test_a_second_user_or_organisation_of_one_name_is_invalid(world: World) -> None:
    user = {"username": world.bot, "email": "new@example.org", "password": "a long password"}

    assert world.api("POST", "admin/users", user).status_code == 422
    assert world.api("POST", "orgs", {"username": world.org}).status_code == 422


def test_a_token_name_is_used_once(world: World) -> None:
    body = {"name": "suite", "scopes": ["read:repository"]}

    assert world.api("POST", f"users/{world.bot}/tokens", body).status_code == 400


def test_a_token_without_scope_is_refused(world: World) -> None:
    assert world.api("POST", f"users/{world.bot}/tokens", {"name": "none", "scopes": []}).status_code == 400


def test_a_status_is_put_on_a_commit(world: World, repository: Repository, ask: Ask) -> None:
    head = world.client().head(repository.owner, repository.name)
    body = {"state": "success", "context": "crontopus/validate", "description": "12 jobs"}

    assert ask("POST", f"statuses/{head}", body).status_code == 201


def test_the_diff_of_a_commit_names_its_files(world: World, repository: Repository, ask: Ask) -> None:
    head = world.client().head(repository.owner, repository.name)

    assert "default/a.yaml" in ask("GET", f"git/commits/{head}.diff").text
