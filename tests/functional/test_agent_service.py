"""The agent as a service: units that systemd itself has read, and the commands against a manager of ours."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.home import Home, locked, make_private
from agent.services.base import Remove, Run, Setup, Step, Write
from agent.services.control import Control, is_of
from agent.services.launchd import Launchd
from agent.services.systemd import Systemd
from chalicelib.domain.errors import Stalled
from infra.deploy_examples import examples
from tests.fixtures.places import FOREIGN, machine

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
ANALYZE = shutil.which("systemd-analyze")
# Of 10; see docs/services.md for what is left open and why.
MOST_EXPOSED = 2.6
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not on this machine")


@needs_systemd
@pytest.mark.parametrize("name", ["crontopus-agent.service", "crontopus-agent.user.service"])
def test_systemd_understands_every_line_of_a_unit(name: str, tmp_path: Path) -> None:
    unit = tmp_path / "crontopus-agent.service"
    lines = examples()[name].splitlines()
    unit.write_text("\n".join("ExecStart=/bin/true" if line.startswith("ExecStart=") else line for line in lines))
    scope = ["--user"] if "user" in name else []
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}

    done = subprocess.run(
        [str(ANALYZE), *scope, "--man=no", "verify", str(unit)], env=environ, capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_root_s_unit_is_as_closed_as_crontab_allows(tmp_path: Path) -> None:
    unit = tmp_path / "crontopus-agent.service"
    unit.write_text(examples()[unit.name])

    command = [str(ANALYZE), "security", "--offline=true", f"--threshold={MOST_EXPOSED * 10:g}", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stdout.splitlines()[-1]


@pytest.mark.parametrize("name", ["openrc", "runit", "sysv"])
def test_scripts_for_other_managers_are_plain_shell(name: str) -> None:
    assert subprocess.run(["dash", "-n", DEPLOY / f"crontopus-agent.{name}"], capture_output=True, timeout=30).stderr == b""


@dataclass
class Shelf:
    """A service manager whose commands are programs of ours."""

    path: Path
    content: bytes = b"unit 1\n"
    name: str = "shelf"
    steps: dict[str, Sequence[Step]] = field(default_factory=dict)

    def file(self, setup: Setup) -> Write:
        return Write(self.path, self.content)

    def install(self, setup: Setup, *, is_new: bool) -> Sequence[Step]:
        return self.steps.get("install", (Run(("true", "new" if is_new else "same")),))

    def uninstall(self, setup: Setup) -> Sequence[Step]:
        return (Remove(self.path),)

    def start(self, setup: Setup) -> Sequence[Step]:
        return self.steps.get("start", (Run(("true", "start")),))

    def stop(self, setup: Setup) -> Sequence[Step]:
        return (Run(("true", "stop")), Run(("false",), may_fail=True), Run(("no-such-program",), may_fail=True))

    def restart(self, setup: Setup) -> Sequence[Step]:
        return (Run(("true", "restart")),)

    def hints(self, setup: Setup) -> Sequence[str]:
        return ()


@dataclass
class Desk:
    shelf: Shelf
    control: Control
    said: list[str]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    home = Home(tmp_path / ".crontopus")
    make_private(home.directory)
    setup = Setup(("/opt/agent",), home.directory, 1000, "ada", tmp_path)
    said: list[str] = []
    shelf = Shelf(tmp_path / "services" / "agent.unit")
    control = Control(shelf, setup, home, {"PATH": os.environ["PATH"]}, said.append, sleep=lambda seconds: None)
    return Desk(shelf, control, said)


@pytest.fixture
def running(desk: Desk) -> Iterator[None]:
    """An agent runs in this folder."""
    with locked(desk.control.home.lock, wait_s=0):
        yield


def test_installing_twice_is_the_same_as_once(desk: Desk) -> None:
    path = desk.shelf.path
    path.parent.mkdir()
    path.write_bytes(b"unit of an older agent\n")
    with locked(desk.control.home.lock, wait_s=0):
        desk.control.install()
        first = path.stat().st_ino
        desk.control.install()

    assert path.read_bytes() == b"unit 1\n"
    assert path.stat().st_ino == first
    assert desk.said == [f"  + write {path}", "  + true new", "  + true same"]


def test_a_service_beside_an_agent_in_the_foreground_is_refused(desk: Desk, running: None) -> None:
    with pytest.raises(Stalled, match="an agent that is no service runs here already") as caught:
        desk.control.install()

    assert caught.value.code == "locked"
    assert not desk.shelf.path.exists()


def test_the_service_of_another_folder_is_left_alone(desk: Desk, tmp_path: Path) -> None:
    desk.shelf.path.parent.mkdir()
    desk.shelf.path.write_bytes(b"Environment=CRONTOPUS_HOME=/srv/other\n")

    assert not desk.control.is_installed()
    with pytest.raises(Stalled, match="another folder") as caught:
        desk.control.install()
    assert caught.value.code == "service_taken"


@pytest.mark.parametrize(("base", "is_ours"), [("/srv/a", True), ("/srv/ab", False), ("/srv/a/b", False), ("/srv", False)])
@pytest.mark.parametrize("kind", [Systemd, Launchd])
def test_a_service_s_file_says_whose_it_is(kind, base: str, is_ours: bool) -> None:
    ours, other = (
        Setup(("/x",), Path(place) / ".crontopus", 7, "ada", Path("/home/ada"), environ={"CRONTOPUS_HOME": place})
        for place in ("/srv/a", base)
    )
    usual = Setup(("/x",), Path("/home/ada/.crontopus"), 7, "ada", Path("/home/ada"))

    assert is_of(kind().file(other).content, ours) is is_ours
    assert is_of(kind().file(usual).content, usual)
    assert not is_of(kind().file(usual).content, ours)
    assert not is_of(kind().file(ours).content, usual)


def test_a_manager_that_refuses_is_quoted(desk: Desk) -> None:
    desk.shelf.steps["install"] = (Run(("sh", "-c", "echo access denied >&2; exit 4")), Run(("touch", "never")))

    with pytest.raises(Stalled, match="failed with exit code 4: access denied") as caught:
        desk.control.install()
    assert caught.value.code == "service_refused"


def test_an_agent_that_does_not_come_up_is_told(desk: Desk) -> None:
    with pytest.raises(Stalled, match="does not run") as caught:
        desk.control.install()

    assert caught.value.code == "service_failed"


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
def test_what_is_not_installed_can_be_neither_started_nor_stopped(desk: Desk, verb: str) -> None:
    with pytest.raises(Stalled, match="no service here") as caught:
        getattr(desk.control, verb)()

    assert caught.value.code == "not_installed"


def test_stopping_says_so_if_the_agent_that_runs_is_another(desk: Desk, running: None) -> None:
    desk.shelf.path.parent.mkdir()
    desk.shelf.path.write_bytes(b"unit 1\n")

    with pytest.raises(Stalled, match="not the service's"):
        desk.control.stop()


def test_stop_start_restart_and_uninstall_reach_the_manager(desk: Desk) -> None:
    desk.shelf.path.parent.mkdir()
    desk.shelf.path.write_bytes(b"unit 1\n")
    desk.control.stop()
    with locked(desk.control.home.lock, wait_s=0):
        desk.control.start()
        desk.control.restart()
    desk.control.uninstall()
    desk.control.uninstall()

    assert [line for line in desk.said if "true" in line] == ["  + true stop", "  + true start", "  + true restart"]
    assert not desk.shelf.path.exists()


def test_purging_removes_the_folder_only_after_the_table_is_as_it_was_and_somebody_said_yes(tmp_path: Path) -> None:
    with machine(tmp_path) as place:
        place.enroll()
        place.agent("sync", "--once")
        asked = place.agent("uninstall", "--purge", stdin="n\n")
        still = place.cron.content
        done = place.agent("uninstall", "--purge", "--yes")

        assert (asked.returncode, still) == (1, FOREIGN + place.block)
        assert "with 0 results" in asked.stderr
        assert (done.returncode, place.cron.content, place.home.exists()) == (0, FOREIGN, False), done.stderr
