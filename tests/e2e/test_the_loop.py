"""The whole loop on a machine with a real cron daemon: committed, installed, fired, wrapped, spooled, delivered, read back."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.local.services import AGENT, EMULATOR
from infra.local.stack import Stack
from tests.e2e.machines import FOREIGN, Machine, running_machine
from tests.fixtures.waiting import until

MINUTE_S = 90.0


@pytest.fixture(scope="module")
def machine(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with running_machine(stack, tmp_path_factory.mktemp("machine")) as machine:
        yield machine


def test_a_committed_job_is_fired_by_cron_and_its_run_comes_back(machine: Machine):
    good = machine.commit("good", 'echo "it is $LOUD"; echo and done >&2', env={"LOUD": "50 % off"})
    bad = machine.commit("bad", "echo broken; exit 3")
    machine.sync()
    committed_at = datetime.now(UTC)

    good_run, bad_run = machine.run_after(committed_at, good), machine.run_after(committed_at, bad)

    assert told(good_run) == ("success", 0, "it is 50 % off\nand done\n", good["id"], machine.endpoint_id)
    assert told(bad_run) == ("failure", 3, "broken\n", bad["id"], machine.endpoint_id)
    assert len(good_run["commit"]) == 40
    assert good_run["duration_ms"] >= 0


def test_a_run_that_ends_while_the_api_is_down_arrives_afterwards_once(stack: Stack, machine: Machine):
    job = machine.commit("patient", "echo waited")
    machine.sync()
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


def test_what_ran_is_counted_into_its_instance_after_a_restart_too(machine: Machine):
    def patient() -> dict[str, Any]:
        jobs = machine.demo.api.get(f"/api/endpoints/{machine.endpoint_id}/jobs", job="patient")["jobs"]
        return jobs[0] if jobs else {}

    until(lambda: patient().get("last_run") and patient()["status"] == "scheduled", "it ran and is told of", MINUTE_S)

    assert patient()["streak"] == {"ending": "good", "length": patient()["today"]["success_count"]}


def test_each_minute_is_a_slot_and_the_sweep_has_looked(stack: Stack, machine: Machine):
    def slots(job: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = machine.demo.api.get(f"/api/jobs/default/{job}/slots")
        return found

    until(lambda: slots("good")["counts"].get("ok"), "a minute that was expected has its run", MINUTE_S)

    assert {slot["state"] for slot in slots("good")["slots"]} <= {"ok", "due", "running"}
    assert {slot["state"] for slot in slots("bad")["slots"]} <= {"failed", "due", "running"}
    (expected,) = slots("good")["expected"]
    assert (expected["schedule"], expected["grace_s"], expected["endpoint_id"]) == ("* * * * *", 300, machine.endpoint_id)
    assert "sweep_minute" in stack.processes.log(EMULATOR).read_text()


def test_uninstalling_gives_the_table_back_byte_for_byte(machine: Machine):
    machine.processes.stop(AGENT)
    assert machine.cron.crontab().startswith(FOREIGN)

    machine.demo.agent("uninstall")

    assert machine.cron.crontab() == FOREIGN


def told(run: Mapping[str, Any]) -> tuple[Any, ...]:
    return run["status"], run["exit_code"], run["output"], run["job_id"], run["endpoint_id"]
