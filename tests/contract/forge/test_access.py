"""Who is kept out, and with which words."""

import pytest
import requests

from chalicelib.domain.errors import NotFound, Unavailable
from chalicelib.forgejo.files import FileChange
from tests.contract.forge.world import AUTHOR, Repository, World


def test_a_private_repository_does_not_exist_for_others(world: World, repository: Repository) -> None:
    stranger = world.account("stranger")
    token = world.client().create_token(stranger.login, "all", ["all"])

    with pytest.raises(NotFound):
        world.client(token=token).head(repository.owner, repository.name)


def test_a_private_repository_does_not_exist_for_nobody(world: World, repository: Repository) -> None:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(f"{world.url}/api/v1/{repository.path}", timeout=30)

    assert answer.status_code == 404


def test_an_unknown_token_is_unavailable(world: World, repository: Repository) -> None:
    with pytest.raises(Unavailable) as caught:
        world.client(token="0" * 40, sleep=lambda seconds: None).commit(
            repository.owner, repository.name, [FileChange("a", b"a")], "Add", AUTHOR
        )

    assert caught.value.code == "git_unavailable"


def test_a_reader_cannot_commit(world: World, repository: Repository) -> None:
    tenant = world.account("reader")
    forge = world.client()
    forge.ensure_collaborator(repository.owner, repository.name, tenant.login, "read")
    token = forge.create_token(tenant.login, "writer", ["write:repository"])

    with pytest.raises(Unavailable):
        world.client(token=token).commit(repository.owner, repository.name, [FileChange("a", b"a")], "Add", AUTHOR)


@pytest.mark.parametrize(
    ("scope", "method", "code"),
    [
        ("read:repository", "GET", 200),
        ("write:repository", "GET", 200),
        ("read:user", "GET", 403),
        ("read:repository", "PATCH", 403),
    ],
)
def test_a_token_does_what_its_scope_says(world: World, repository: Repository, scope: str, method: str, code: int) -> None:
    token = world.client().create_token(world.bot, f"{scope.replace(':', '-')}-{method}", [scope])

    assert world.api(method, repository.path, {} if method == "PATCH" else None, token=token).status_code == code


def test_a_token_limited_to_one_repository_does_not_see_another(world: World, repository: Repository) -> None:
    other = world.repository()
    pair = [(repository.owner, repository.name)]
    token = world.client().create_token(world.bot, f"limited-{repository.name}", ["read:repository"], pair)
    forge = world.client(token=token)

    assert forge.head(repository.owner, repository.name)
    with pytest.raises(NotFound):
        forge.head(other.owner, other.name)


def test_a_deleted_token_is_dead_for_the_api_at_once(world: World, repository: Repository) -> None:
    token = world.client().create_token(world.bot, "short", ["read:repository"])
    assert world.api("GET", repository.path, token=token).status_code == 200

    world.client().delete_token(world.bot, "short")

    assert world.api("GET", repository.path, token=token).status_code == 401


def test_a_suspended_account_is_shut_out(world: World, repository: Repository) -> None:
    tenant = world.account("suspended")
    world.client().ensure_collaborator(repository.owner, repository.name, tenant.login, "read")
    assert world.api("PATCH", f"admin/users/{tenant.login}", {"prohibit_login": True}).status_code == 200

    basic = (tenant.login, tenant.password)
    git = requests.get(
        f"{world.client().clone_url(repository.owner, repository.name)}/info/refs?service=git-upload-pack",
        auth=basic,
        timeout=30,
    )

    assert world.api("GET", repository.path, basic=basic).status_code in (401, 403)
    assert git.status_code in (401, 403)


def test_git_asks_for_a_credential(world: World, repository: Repository) -> None:
    answer = requests.get(_refs_url(world, repository), timeout=30)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_an_archived_repository_takes_no_commit(world: World, repository: Repository) -> None:
    assert world.api("PATCH", repository.path, {"archived": True}).status_code == 200

    answer = world.api("POST", f"{repository.path}/contents/a", {"content": ""}, token=world.token)

    assert answer.status_code == 423


def _refs_url(world: World, one: Repository) -> str:
    return f"{world.client().clone_url(one.owner, one.name)}/info/refs?service=git-upload-pack"
