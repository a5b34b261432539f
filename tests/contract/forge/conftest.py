"""The forge under test: a real one, if FORGEJO_URL, _ADMIN_USER and _ADMIN_PASSWORD name it, or else the local one."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.forge.process import ForgeProcess
from tests.contract.forge.world import Repository, World

PASSWORD = "only-for-this-test-run"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    url = os.environ.get("FORGEJO_URL")
    if url:
        admin = (os.environ["FORGEJO_ADMIN_USER"], os.environ["FORGEJO_ADMIN_PASSWORD"])
        yield from _furnished(World(url.rstrip("/"), admin, is_local=False))
        return
    folder = tmp_path_factory.mktemp("forge")
    with _local(folder) as process:
        yield from _furnished(World(process.url, ("site", PASSWORD), is_local=True))


@pytest.fixture
def repository(world: World) -> Repository:
    return world.repository()


def _local(folder: Path) -> ForgeProcess:
    password_file = folder / "password"
    password_file.write_text(PASSWORD)
    return ForgeProcess(folder / "data", "site", password_file)


def _furnished(world: World) -> Iterator[World]:
    world.set_up()
    yield world
    world.tear_down()
