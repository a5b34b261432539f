"""The agent's commands where they take themselves for Windows, with stand-ins for its programs. None of it is Windows."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import pytest

from agent.schedulers.taskxml import NAMESPACE
from tests.fixtures.fake_api import ENROLL_TOKEN
from tests.fixtures.fake_schtasks import FakeSchtasks
from tests.fixtures.places import JOB, Place, machine
from tests.fixtures.waiting import until

ROOT = Path(__file__).parents[3]


class WindowsPlace:
    """A machine of a user who is no administrator."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.root = place.folder / "win"
        self.service = FakeSchtasks(place.folder / "Tasks")
        self.service.folder.mkdir()
        self.program("icacls", "exit 0")
        self.program("whoami", 'echo \'"PC\\Ada","S-1-5-21-1-2-3-1001"\'')
        self.program("schtasks", f'exec "{sys.executable}" -m tests.fixtures.fake_schtasks "{self.service.folder}" "$@"')

    def program(self, name: str, does: str) -> None:
        # To this system the whole of it is one file's name.
        path = Path(f"{self.root}\\System32\\{name}.exe")
        path.write_text(f"#!/bin/sh\n{does}\n")
        path.chmod(0o755)

    def start(self, *args: str) -> "subprocess.Popen[str]":
        code = f"import sys; sys.argv = {['crontopus-agent', *args]!r}; from agent.__main__ import main; main()"
        environ = {"PATH": os.environ["PATH"], "SYSTEMROOT": str(self.root), "PLAIN_USER": "1", "PYTHONPATH": str(ROOT)}
        environ |= {"USERPROFILE": str(self.place.folder / "home")}
        command = [sys.executable, "-m", "tests.fixtures.pretend_windows", code]
        return subprocess.Popen(command, cwd=ROOT, env=environ, text=True, stdin=PIPE, stdout=PIPE, stderr=PIPE)

    def agent(self, *args: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        process = self.start(*args)
        output, errors = process.communicate(stdin, timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def enrolled(self) -> "WindowsPlace":
        done = self.agent("enroll", "--api-url", self.place.plane.url, "--token-stdin", stdin=ENROLL_TOKEN + "\n")
        assert done.returncode == 0, done.stderr
        return self


@pytest.fixture
def place(tmp_path: Path) -> Iterator[WindowsPlace]:
    with machine(tmp_path) as here:
        yield WindowsPlace(here)


def test_a_machine_is_enrolled_synced_seen_and_left(place: WindowsPlace):
    place.enrolled()
    facts = place.place.plane.bodies("/enroll")[0]
    assert (facts["platform"], facts["scheduler"], facts["timezone"]) == ("win32", "taskscheduler", "Europe/Berlin")

    done = place.agent("sync", "--once")
    assert "1 added" in done.stdout, done.stderr
    (task,) = place.service.paths()
    text = place.service.file(task).read_text("utf-16")
    assert f"CRONTOPUS:{JOB}" in text
    assert "S-1-5-21-1-2-3-1001" in text
    assert (place.place.home / "bin" / "run-job.py").exists()

    status = json.loads(place.agent("status", "-o", "json").stdout)
    assert (status["scheduler"], status["sync"]["managed"]) == ("taskscheduler", 1)

    done = place.agent("uninstall")
    assert done.returncode == 0, done.stderr
    assert place.service.paths() == []


def test_a_dry_run_shows_the_task_and_writes_nothing(place: WindowsPlace):
    done = place.enrolled().agent("sync", "--dry-run")

    assert '"at": ["daily 00:00"]' in done.stdout, done.stderr
    assert place.service.paths() == []


def test_what_install_would_do_is_a_task_of_ours(place: WindowsPlace):
    done = place.enrolled().agent("install", "--dry-run")

    assert "CrontopusAgent-S-1-5-21-1-2-3-1001" in done.stdout, done.stderr
    assert "LogonTrigger" in done.stdout


def test_doctor_has_no_internal_error(place: WindowsPlace):
    done = place.enrolled().agent("doctor", "-o", "json")

    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout)["checks"]


def test_a_task_beside_ours_is_found(place: WindowsPlace):
    task = place.service.file("\\Nightly copy")
    trigger = "<CalendarTrigger><StartBoundary>2024-05-05T03:30:00</StartBoundary><ScheduleByDay/></CalendarTrigger>"
    mine = "<Principals><Principal><UserId>S-1-5-21-1-2-3-1001</UserId></Principal></Principals>"
    actions = "<Actions><Exec><Command>robocopy</Command><Arguments>a b</Arguments></Exec></Actions>"
    task.write_text(f'<Task xmlns="{NAMESPACE}"><Triggers>{trigger}</Triggers>{mine}{actions}</Task>', "utf-16")

    done = place.enrolled().agent("discover", "-o", "json")

    assert done.returncode == 0, done.stderr
    (line,) = json.loads(done.stdout)["lines"]
    assert (line["schedule"], line["command"]) == ("30 3 * * *", "robocopy a b")
    assert "the task \\Nightly copy" in line["where"]


def test_the_agent_runs_until_it_is_told_to_stop(place: WindowsPlace):
    place.enrolled()
    place.place.hurry()
    agent = place.start("run")
    try:
        until(lambda: place.service.paths(), "a task", 20)
        until(lambda: place.place.plane.bodies("/heartbeat"), "a heartbeat", 20)
        agent.send_signal(signal.SIGINT)
        _, said = agent.communicate(timeout=20)
    finally:
        agent.kill()

    assert agent.returncode == 0, said
    assert place.place.plane.bodies("/heartbeat")[0]["scheduler"] == "taskscheduler"
    events = [json.loads(line)["event"] for line in (place.place.home / "agent.log").read_text().splitlines()]
    assert not [event for event in events if event.endswith("failed")], events
