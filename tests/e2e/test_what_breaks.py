"""Parts that are down, killed or broken: nothing is lost, nothing is damaged, and somebody says why."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from infra.local.services import AGENT, EMULATOR, FORGE, NAMES
from infra.local.show import Show
from infra.local.snapshots import Snapshots
from infra.local.stack import Stack
from infra.local.up import start_stack
from tests.e2e.machines import Machine, as_cron_does, running_machine
from tests.e2e.pushes import push
from tests.fixtures.waiting import until

NEVER = "0 0 1 1 *"
OUTAGE = 5


@pytest.fixture
def machine(stack: Stack, tmp_path: Path) -> Iterator[Machine]:
    with running_machine(stack, tmp_path) as machine:
        yield machine


@pytest.fixture
def line(machine: Machine) -> str:
    """What cron starts for the machine's one job."""
    machine.commit("steady", "date +%s%N", NEVER)
    machine.sync()
    (command,) = machine.commands().values()
    return command


@pytest.fixture
def whole_again(stack: Stack) -> Iterator[None]:
    """Whatever the test took down runs again afterwards."""
    yield
    start_stack(Show(sys.stderr), stack)


@pytest.mark.usefixtures("whole_again")
def test_runs_of_an_outage_arrive_afterwards_each_once_and_with_its_own_time(stack: Stack, machine: Machine, line: str):
    stack.processes.stop(EMULATOR)
    codes = [as_cron_does(line) for _ in range(OUTAGE)]
    stack.services.start_emulator()

    runs = until(lambda: machine.runs(OUTAGE), "the runs have arrived", 90)

    assert codes == [0] * OUTAGE
    assert len({run["started_at"] for run in runs}) == len(runs) == OUTAGE
    for run in runs:
        assert abs(datetime.fromisoformat(run["started_at"]).timestamp() - int(run["output"]) / 1e9) < 1


@pytest.mark.usefixtures("whole_again")
def test_all_parts_killed_at_once_come_back_with_what_they_knew(stack: Stack, machine: Machine, line: str):
    as_cron_does(line)
    (before,) = until(lambda: machine.runs(1), "the run has arrived", 60)
    await_snapshots(stack, machine, 2)

    for name in NAMES:
        kill(stack.processes.find(name))
    as_cron_does(line)
    start_stack(Show(sys.stderr), stack)

    assert before in until(lambda: machine.runs(2), "the run of the outage has arrived too", 90)
    jobs = machine.demo.api.get("/api/jobs", namespace="default")["jobs"]
    assert [job["name"] for job in jobs] == ["steady"]


def await_snapshots(stack: Stack, machine: Machine, count: int) -> None:
    """Return once the emulator has written its state `count` times: the next time may have begun before the last change."""
    snapshots = Snapshots(stack.layout.emulator / "state" / "snapshots")
    for _ in range(count):
        seen = snapshots.newest()
        # Asking is what gives it something new to write.
        until(lambda seen=seen: machine.runs(1) and snapshots.newest() != seen, "the state is written", 40)  # type: ignore[misc]


def kill(pid: int | None) -> None:
    if pid is not None:
        os.killpg(pid, signal.SIGKILL)


def test_an_agent_killed_in_between_loses_nothing(machine: Machine, line: str):
    kill(machine.processes.find(AGENT))
    as_cron_does(line)
    machine.services.start_agent()

    assert len(until(lambda: machine.runs(1), "the run has arrived", 60)) == 1


def test_a_run_job_killed_in_between_is_a_failure_that_says_so(machine: Machine):
    machine.commit("hung", "sleep 600", NEVER)
    machine.sync()
    (command,) = machine.commands().values()
    process = subprocess.Popen(["/bin/sh", "-c", f"exec {command}"], env={}, start_new_session=True)
    spool = machine.demo.layout.agent_home / ".crontopus" / "spool"
    until(lambda: list(spool.glob("*.start.json")), "the run has begun", 20)

    kill(process.pid)
    process.wait()

    (run,) = until(lambda: machine.runs(1), "the run has arrived", 60)
    assert (run["status"], run["exit_code"]) == ("failure", None)
    assert "killed" in run["output"]


@pytest.fixture
def untended(machine: Machine, line: str) -> Machine:
    """The machine with its job in the table and no daemon: rounds happen when the test says so."""
    machine.processes.stop(AGENT)
    return machine


def test_a_broken_manifest_leaves_the_line_and_status_names_the_place(stack: Stack, untended: Machine):
    before = untended.cron.crontab()

    push(stack, untended, lambda clone: (clone / "default/steady.yaml").write_text("apiVersion: v1\nkind: [\n"))
    untended.sync()

    assert untended.cron.crontab() == before
    assert "default/steady.yaml" in untended.status()
    assert "line 3" in untended.status()


def test_a_repository_emptied_by_hand_leaves_the_line_and_status_says_why(stack: Stack, untended: Machine):
    before = untended.cron.crontab()

    push(stack, untended, lambda clone: (clone / "default/steady.yaml").unlink())
    untended.sync()

    assert untended.cron.crontab() == before
    assert "no job any more" in untended.status()


@pytest.mark.usefixtures("whole_again")
def test_a_forge_that_is_down_leaves_the_line_and_status_says_so(stack: Stack, untended: Machine):
    before = untended.cron.crontab()

    stack.processes.stop(FORGE)
    untended.sync()

    assert untended.cron.crontab() == before
    assert "git_unavailable" in untended.status()
