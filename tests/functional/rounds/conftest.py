"""A machine to make rounds on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.home import Home, make_private
from agent.schedulers.memory import MemoryTable
from tests.fixtures.git_http import BareRepository, serving
from tests.fixtures.rounds import FOREIGN, Machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    home = Home(tmp_path / "home" / ".crontopus")
    make_private(home.directory)
    remote = BareRepository(tmp_path / "forge")
    with serving(tmp_path / "forge") as forge:
        yield Machine(home, MemoryTable(FOREIGN), remote, forge)
