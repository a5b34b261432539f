"""The agent's own task over a stand-in for schtasks: installed, stopped for good, started, taken away."""

import os
import sys
from pathlib import Path

import pytest

from agent.services.base import Setup
from agent.services.steps import carry_out
from agent.services.windows import WindowsTask
from chalicelib.domain.errors import Stalled
from tests.fixtures.fake_schtasks import FakeSchtasks


@pytest.fixture
def service(tmp_path: Path) -> FakeSchtasks:
    (tmp_path / "Tasks").mkdir()
    return FakeSchtasks(tmp_path / "Tasks")


def test_a_life_of_the_agents_task(service: FakeSchtasks, tmp_path: Path):
    program = tmp_path / "schtasks"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tests.fixtures.fake_schtasks "{service.folder}" "$@"\n')
    program.chmod(0o755)
    setup = Setup(("C:\\Program Files\\p\\python.exe", "a.pyz"), tmp_path / "home", 0, "SYSTEM", tmp_path)
    manager, said = WindowsTask(str(program)), []

    carry_out([manager.file(setup), *manager.install(setup, is_new=True)], os.environ, said.append)
    assert service.paths() == ["\\CrontopusAgent"]

    carry_out(manager.stop(setup), os.environ, said.append)
    settings = service.file("CrontopusAgent").read_text("utf-16").split("<Settings>")[1]
    assert "<Enabled>false" in settings
    carry_out(manager.restart(setup), os.environ, said.append)
    assert "<Enabled>true" in service.file("CrontopusAgent").read_text("utf-16").split("<Settings>")[1]

    carry_out(manager.uninstall(setup), os.environ, said.append)
    assert service.paths() == []
    with pytest.raises(Stalled, match="/DISABLE"):
        carry_out(manager.stop(setup), os.environ, said.append)
