"""Which repositories changed last, and what was said of their commits."""

import pytest

from chalicelib.forgejo.files import FileChange
from tests.contract.forge.world import AUTHOR, Repository, World


def write(world: World, one: Repository, path: str) -> str:
    return world.client().commit(one.owner, one.name, [FileChange(path, b"1")], f"Add {path}", AUTHOR).sha


def test_changed_repositories_come_with_the_moment_the_last_one_first(world: World) -> None:
    older, newer = world.repository(), world.repository()
    # The forge counts in whole seconds.
    write(world, newer, "default/1.yaml")
    found = [one for page in (1, 2, 3) for one in world.client().list_changed("job-manifests-", page)]

    mine = {one.name: one for one in found if one.owner == world.org}
    assert {older.name, newer.name} <= mine.keys()
    assert mine[newer.name].changed_at >= mine[older.name].changed_at
    moments = [one.changed_at for one in found]
    assert moments == sorted(moments, reverse=True)


def test_a_page_behind_the_last_one_is_empty(world: World) -> None:
    assert world.client().list_changed("job-manifests-", 1000) == ()


def test_a_repository_that_the_token_may_not_read_is_not_listed(world: World) -> None:
    hidden = world.empty_repository()

    assert hidden.name not in {one.name for one in world.client().list_changed(hidden.name, 1)}


@pytest.mark.parametrize("context", ["crontopus/manifests"])
def test_a_commit_knows_who_has_judged_it(world: World, context: str) -> None:
    one = world.repository()
    commit = write(world, one, "default/1.yaml")
    forge = world.client()

    before = forge.has_status(one.owner, one.name, commit, context)
    forge.set_status(one.owner, one.name, commit, "success", context, "good")

    assert (before, forge.has_status(one.owner, one.name, commit, context)) == (False, True)
    assert not forge.has_status(one.owner, one.name, commit, "another")


def test_a_hook_is_known_by_its_address(world: World) -> None:
    one, url = world.repository(), "https://crontopus.example.org/api/webhooks/forge"
    forge = world.client()

    before = forge.has_hook(one.owner, one.name, url)
    forge.ensure_hook(one.owner, one.name, url, "s" * 40)

    assert (before, forge.has_hook(one.owner, one.name, url)) == (False, True)
