"""Accounts, organisations, repositories and tokens: each step may be made twice."""

import pytest

from chalicelib.domain.errors import Conflict, Invalid, NotFound, Unavailable
from chalicelib.forgejo.client import Forgejo
from tests.contract.forge.world import Repository, World


def test_a_repository_starts_with_its_two_folders_and_nothing_else(world: World, repository: Repository) -> None:
    entries = world.client().list_tree(repository.owner, repository.name)

    assert [entry.path for entry in entries if entry.kind == "blob"] == ["default/.gitkeep", "discovered/.gitkeep"]


def test_a_repository_is_private_and_its_branch_is_main(world: World, repository: Repository) -> None:
    shown = world.api("GET", repository.path).json()

    assert (shown["private"], shown["default_branch"], shown["has_wiki"]) == (True, "main", False)


def test_making_everything_twice_changes_nothing(world: World, repository: Repository) -> None:
    forge, tenant = world.client(), world.account("twice")
    before = forge.head(repository.owner, repository.name)

    forge.ensure_organization(world.org)
    forge.ensure_user(tenant.login, f"{tenant.login}@example.org", "another password")
    forge.ensure_repository(repository.owner, repository.name, "made by a contract test")
    forge.ensure_collaborator(repository.owner, repository.name, tenant.login, "read")
    forge.ensure_collaborator(repository.owner, repository.name, tenant.login, "read")

    assert forge.head(repository.owner, repository.name) == before


def test_a_repository_that_was_left_empty_gets_its_first_commit(world: World) -> None:
    one = world.empty_repository()

    world.client().ensure_repository(one.owner, one.name, "")

    world.client().ensure_collaborator(one.owner, one.name, world.bot, "read")
    assert world.client().head(one.owner, one.name)


def test_a_login_of_somebody_else_is_refused(world: World) -> None:
    taken = world.account("taken")

    with pytest.raises(Conflict):
        world.client().ensure_user(taken.login, "other@example.org", "a long password")


def test_an_address_of_somebody_else_is_refused(world: World) -> None:
    taken = world.account("taken")

    with pytest.raises(Conflict):
        world.client().ensure_user(f"ct-new-{world.tag}", f"{taken.login}@example.org", "a long password")


def test_an_organisation_cannot_take_the_name_of_a_user(world: World) -> None:
    with pytest.raises(Conflict):
        world.client().ensure_organization(world.bot)


def test_a_public_repository_of_the_same_name_is_refused(world: World) -> None:
    one = world.empty_repository()
    assert world.api("PATCH", one.path, {"private": False}).status_code == 200

    with pytest.raises(Conflict, match="public"):
        world.client().ensure_repository(one.owner, one.name, "")


def test_a_repository_needs_its_organisation(world: World) -> None:
    with pytest.raises(NotFound):
        world.client().ensure_repository(f"ct-none-{world.tag}", "job-manifests-x", "")


def test_only_an_account_can_become_collaborator(world: World, repository: Repository) -> None:
    with pytest.raises(NotFound):
        world.client().ensure_collaborator(repository.owner, repository.name, f"ct-none-{world.tag}", "read")


def test_a_token_of_the_same_name_replaces_the_older_one(world: World, repository: Repository) -> None:
    forge, tenant = _tenant(world, repository)

    first = forge.create_token(tenant, "ep-1", ["read:repository"], [(repository.owner, repository.name)])
    second = forge.create_token(tenant, "ep-1", ["read:repository"], [(repository.owner, repository.name)])

    assert world.api("GET", repository.path, token=first).status_code == 401
    assert world.api("GET", repository.path, token=second).status_code == 200


def test_deleting_a_token_twice_is_fine(world: World, repository: Repository) -> None:
    forge, tenant = _tenant(world, repository)
    forge.create_token(tenant, "ep-1", ["read:repository"])

    forge.delete_token(tenant, "ep-1")
    forge.delete_token(tenant, "ep-1")

    assert world.api("GET", f"users/{tenant}/tokens").json() == []


def test_a_token_needs_an_account(world: World) -> None:
    with pytest.raises(NotFound):
        world.client().create_token(f"ct-none-{world.tag}", "ep-1", ["read:repository"])


def test_a_token_name_of_digits_is_not_deleted(world: World) -> None:
    with pytest.raises(Invalid):
        world.client().delete_token(world.bot, "1")


def test_a_scope_that_does_not_exist_is_our_mistake(world: World) -> None:
    with pytest.raises(Unavailable):
        world.client().create_token(world.bot, "ep-1", ["read:nothing"])


def test_a_wrong_password_of_the_site_admin_is_unavailable(world: World) -> None:
    forge = Forgejo(world.url, "", basic=(world.admin[0], "wrong"))

    with pytest.raises(Unavailable) as caught:
        forge.ensure_organization(world.org)

    assert caught.value.code == "git_unavailable"


def test_an_account_made_without_a_word_about_its_password_must_change_it_first(world: World) -> None:
    tenant = world.account_as_the_forge_makes_it("forced")

    answer = world.api("GET", f"users/{tenant.login}", basic=(tenant.login, tenant.password))

    assert answer.status_code == 403


def test_a_token_cannot_make_tokens(world: World) -> None:
    token = world.client().create_token(world.bot, "breeder", ["write:user"])

    answer = world.api("POST", f"users/{world.bot}/tokens", {"name": "child", "scopes": ["all"]}, token=token)

    assert answer.status_code == 401


def _tenant(world: World, repository: Repository) -> tuple[Forgejo, str]:
    forge, tenant = world.client(), world.account("tenant")
    forge.ensure_collaborator(repository.owner, repository.name, tenant.login, "read")
    return forge, tenant.login
