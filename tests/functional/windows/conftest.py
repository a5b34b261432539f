"""A machine whose scheduler is Task Scheduler, to make rounds on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.gitdoor import Door
from agent.gitsync import GitSource
from agent.here import Here
from agent.home import Home, make_private
from agent.schedulers.schtasks import Schtasks
from agent.schedulers.taskxml import SYSTEM
from agent.schedulers.triggers import kept
from agent.schedulers.wintasks import WinTasks
from agent.sync import Sync
from tests.fixtures.fake_schtasks import FakeSchtasks
from tests.fixtures.git_http import TOKEN, USERNAME, BareRepository, Forge, serving
from tests.fixtures.rounds import NOON


@dataclass
class WindowsMachine:
    home: Home
    service: FakeSchtasks
    remote: BareRepository
    forge: Forge
    endpoint_id: str = "ep-1"
    steps: list[str] = field(default_factory=list)

    def scheduler(self) -> WinTasks:
        return WinTasks(
            Schtasks({"SYSTEMROOT": "C:\\Windows"}, run=self.service.run, folder=self.service.folder / "Crontopus"),
            endpoint_id=self.endpoint_id,
            runner=SYSTEM,
            command_of=lambda job, guarded: ("C:\\Python\\python.exe", f"run-job.py {'--guard ' * guarded}CRONTOPUS:{job}"),
            backups=self.home.backups,
            lock=self.home.directory,
            trace=self.steps.append,
        )

    def sync(self) -> Sync:
        address = self.forge.clone_url
        return Sync(
            self.home,
            endpoint_id=self.endpoint_id,
            tenant_id="demo",
            source=GitSource(self.home.repo, address, "main", Door(address, USERNAME, TOKEN)),
            scheduler=self.scheduler(),
            edition="1",
            now=lambda: NOON,
            here=lambda: Here(timezone="Europe/Paris", keep=kept),
        )

    def task(self, number: int) -> str:
        """Return the path of a job's one task."""
        (path,) = (path for path in self.service.paths() if f"\\job-{number}-" in path)
        return path


@pytest.fixture
def windows(tmp_path: Path) -> Iterator[WindowsMachine]:
    home = Home(tmp_path / "home" / ".crontopus")
    make_private(home.directory)
    remote = BareRepository(tmp_path / "forge")
    (tmp_path / "Tasks").mkdir()
    with serving(tmp_path / "forge") as forge:
        yield WindowsMachine(home, FakeSchtasks(tmp_path / "Tasks"), remote, forge)
