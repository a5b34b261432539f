"""The whole loop on a machine with a real cron daemon: committed, installed, fired, wrapped, spooled, delivered, read back."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.local.demo import INSTALL_TIMEOUT_S, Demo, await_line, await_run
from infra.local.layout import Layout
from infra.local.processes import Processes
from infra.local.services import AGENT, EMULATOR, Services
from infra.local.stack import Stack
from tests.e2e import private_cron
from tests.e2e.private_cron import PrivateCron
from tests.e2e.tenants import new_tenant
from tests.fixtures.waiting import until

FOREIGN = "# mine\t\n\n0 4 1 1 * /bin/true %  \nMAILTO=nobody\n"
MINUTE_S = 90.0


@dataclass(frozen=True)
class Machine:
    """An enrolled machine with a cron of its own and the agent's daemon."""

    demo: Demo
    cron: PrivateCron
    processes: Processes
    endpoint_id: str

    def commit(self, name: str, command: str, **more: Any) -> Mapping[str, Any]:
        """Commit a job for every minute and return it when it is in the crontab."""
        request = {"name": name, "schedule": "* * * * *", "command": command, **more}
        job: Mapping[str, Any] = self.demo.api.post("/api/jobs", request)["job"]
        await_line(job["id"], self.cron.crontab, time.monotonic() + INSTALL_TIMEOUT_S)
        return job

    def run_after(self, moment: datetime, job: Mapping[str, Any]) -> Mapping[str, Any]:
        return await_run(self.demo.api, job["name"], self.endpoint_id, moment, lambda *_: None)

    def spooled(self) -> list[str]:
        return sorted(path.name for path in (self.demo.layout.agent_home / ".crontopus" / "spool").glob("*.end.json"))


@pytest.fixture(scope="module")
def machine(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if why := private_cron.missing():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("machine")
    layout = Layout(folder)
    cron = PrivateCron(folder / "cron")
    processes = Processes(layout.run, layout.logs)
    try:
        cron.install(FOREIGN)
        demo = new_tenant(stack, layout, cron.inside)
        demo.enrol()
        Services(layout, stack.ports, processes, cron.inside).start_agent()
        yield Machine(demo, cron, processes, str(demo.endpoint_id()))
    finally:
        processes.stop(AGENT)
        cron.stop()


def test_a_committed_job_is_fired_by_cron_and_its_run_comes_back(machine: Machine):
    good = machine.commit("good", 'echo "it is $LOUD"; echo and done >&2', env={"LOUD": "50 % off"})
    bad = machine.commit("bad", "echo broken; exit 3")
    committed_at = datetime.now(UTC)

    good_run, bad_run = machine.run_after(committed_at, good), machine.run_after(committed_at, bad)

    assert told(good_run) == ("success", 0, "it is 50 % off\nand done\n", good["id"], machine.endpoint_id)
    assert told(bad_run) == ("failure", 3, "broken\n", bad["id"], machine.endpoint_id)
    assert len(good_run["commit"]) == 40
    assert good_run["duration_ms"] >= 0


def test_a_run_that_ends_while_the_api_is_down_arrives_afterwards_once(stack: Stack, machine: Machine):
    job = machine.commit("patient", "echo waited")
    stack.processes.stop(EMULATOR)
    stopped_at = datetime.now(UTC)
    until(lambda: machine.spooled(), "a run is in the spool", MINUTE_S)

    stack.services.start_emulator()
    run = machine.run_after(stopped_at, job)
    until(lambda: not machine.spooled(), "the spool is empty", MINUTE_S)

    assert datetime.fromisoformat(run["started_at"]) > stopped_at
    listed = machine.demo.api.get("/api/runs", job="patient", days=1)["runs"]
    assert len({each["run_id"] for each in listed}) == len(listed)
    assert len({each["started_at"][:16] for each in listed}) == len(listed)


def test_uninstalling_gives_the_table_back_byte_for_byte(machine: Machine):
    machine.processes.stop(AGENT)
    assert machine.cron.crontab().startswith(FOREIGN)

    machine.demo.agent("uninstall")

    assert machine.cron.crontab() == FOREIGN


def told(run: Mapping[str, Any]) -> tuple[Any, ...]:
    return run["status"], run["exit_code"], run["output"], run["job_id"], run["endpoint_id"]
