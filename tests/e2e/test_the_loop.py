"""The whole loop on a machine with a real cron daemon: committed, installed, fired, wrapped, spooled, delivered, read back."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from infra.local.services import AGENT, EMULATOR
from infra.local.stack import Stack
from tests.e2e.installed import InstalledMachine, bare_machine
from tests.e2e.machines import FOREIGN, Machine, running_machine
from tests.fixtures.waiting import until

MINUTE_S = 90.0


@pytest.fixture(scope="module")
def machine(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    with running_machine(stack, folder, FOREIGN + _line(folder)) as machine:
        yield machine


def _line(folder: Path) -> str:
    """A line that was there before us: it writes down every minute in which it runs."""
    return f"# tick\n* * * * * date +\\%H:\\%M >> {folder}/minutes\n"


def folder_of(machine: Machine) -> Path:
    return machine.cron.folder.parent


@pytest.fixture(scope="module")
def adopted(machine: Machine) -> Mapping[str, Any]:
    """The line's job once it is ours."""
    line = FOREIGN + _line(folder_of(machine)).rstrip("\n")
    name = until(lambda: found(machine), "the line is discovered", MINUTE_S)["name"]
    marked = until(lambda: marked_table(machine), "the line has its mark", MINUTE_S)
    job: Mapping[str, Any] = machine.demo.api.post(f"/api/jobs/discovered/{name}/adopt", {"target_namespace": "default"})["job"]
    assert marked.startswith(f"{line} # CRONTOPUS:{job['id']}\n")
    machine.sync()
    return job


def marked_table(machine: Machine) -> str:
    """The table after a round, empty while no line of it has a mark: the agent may not have been answered yet."""
    machine.sync()
    table = machine.cron.crontab()
    return table if "# CRONTOPUS:" in table else ""


def found(machine: Machine) -> Mapping[str, Any]:
    """The job that the line is, once it has been told of."""
    jobs = machine.demo.api.get("/api/jobs")["jobs"]
    return next((job for job in jobs if job["namespace"] == "discovered" and job["name"].startswith("tick-")), {})


def test_a_line_that_was_there_is_discovered_and_adopted_in_one_write(machine: Machine, adopted: Mapping[str, Any]):
    rows = machine.cron.crontab().split("\n")
    line = _line(folder_of(machine)).split("\n")[1]

    assert f"# CRONTOPUS:{adopted['id']} adopted: {line}" in rows
    assert line not in rows
    assert adopted["id"] in machine.commands()
    assert adopted["command"] == f"date +%H:%M >> {folder_of(machine)}/minutes"


@pytest.fixture(scope="module")
def installed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InstalledMachine]:
    """A bare machine that the installer was run on, with a job committed: both wait for the same minute of cron's."""
    with bare_machine(stack, tmp_path_factory.mktemp("bare")) as machine:
        machine.install("--name", "bare 1")
        machine.demo.api.post("/api/jobs", {"name": "first", "schedule": "* * * * *", "command": "echo installed"})
        machine.start()
        until(lambda: "run-job" in machine.cron.crontab(), "the job is in the table", MINUTE_S)
        yield machine


def test_a_committed_job_is_fired_by_cron_and_its_run_comes_back(machine: Machine, installed: InstalledMachine):
    good = machine.commit("good", 'echo "it is $LOUD"; echo and done >&2', env={"LOUD": "50 % off"})
    bad = machine.commit("bad", "echo broken; exit 3")
    machine.sync()
    committed_at = datetime.now(UTC)

    good_run, bad_run = machine.run_after(committed_at, good), machine.run_after(committed_at, bad)

    assert told(good_run) == ("success", 0, "it is 50 % off\nand done\n", good["id"], machine.endpoint_id)
    assert told(bad_run) == ("failure", 3, "broken\n", bad["id"], machine.endpoint_id)
    assert len(good_run["commit"]) == 40
    assert good_run["duration_ms"] >= 0


def test_one_line_puts_an_agent_onto_a_bare_machine_that_runs_what_is_in_the_repository(installed: InstalledMachine):
    runs = until(lambda: installed.demo.api.get("/api/runs", days=1)["runs"], "its run came back", MINUTE_S)
    run = installed.demo.api.get(f"/api/runs/{runs[-1]['run_id']}")["run"]

    assert (run["status"], run["output"], run["endpoint_id"]) == ("success", "installed\n", installed.endpoints()[0]["id"])
    status = installed.agent("status")
    assert status.returncode == 0, status.stdout


def test_installing_again_makes_neither_a_second_agent_nor_a_second_endpoint(installed: InstalledMachine):
    before = [endpoint["id"] for endpoint in installed.endpoints()]

    said = installed.install()

    assert "the program is there already" in said
    assert [endpoint["id"] for endpoint in installed.endpoints()] == before
    assert installed.agent("run").returncode == 1


def test_the_running_agent_becomes_a_newer_version_and_keeps_it(installed: InstalledMachine):
    installed.stop()
    installed.start()
    installed.publish("0.2.0")
    pid = until(lambda: installed.status()["pid"], "the agent runs", MINUTE_S)

    done = installed.agent("self-update")

    assert done.returncode == 0, done.stderr
    until(lambda: installed.status()["update"]["last"].get("outcome") == "healthy", "the new version has worked", MINUTE_S)
    assert (installed.status()["version"], installed.status()["pid"]) == ("0.2.0", pid)
    assert installed.endpoints()[0]["version"] == "0.2.0"


def test_the_installer_takes_everything_back_byte_for_byte(installed: InstalledMachine):
    installed.stop()

    installed.install("--uninstall")

    assert installed.cron.crontab() == FOREIGN
    assert not (installed.home / ".local/share/crontopus").exists()


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
    assert "sweep_minute" in (stack.layout.logs / "functions.log").read_text()


def test_an_adopted_job_has_run_by_cron_in_every_minute_and_never_twice(machine: Machine, adopted: Mapping[str, Any]):
    minutes = (folder_of(machine) / "minutes").read_text().split()
    runs = [run for run in machine.runs(1) if run["job_id"] == adopted["id"]]

    assert runs and {run["status"] for run in runs} == {"success"}
    at = [int(minute[:2]) * 60 + int(minute[3:]) for minute in minutes]
    assert [(later - before) % 1440 for before, later in pairwise(at)] == [1] * (len(at) - 1)


def test_a_released_line_is_back_with_its_mark(machine: Machine, adopted: Mapping[str, Any]):
    machine.demo.api.post(f"/api/jobs/default/{adopted['name']}/release", {})
    machine.sync()

    marked = _line(folder_of(machine)).rstrip("\n") + f" # CRONTOPUS:{adopted['id']}\n"
    assert machine.cron.crontab().startswith(FOREIGN + marked)
    assert adopted["id"] not in machine.commands()


def test_uninstalling_gives_the_table_back_byte_for_byte(machine: Machine):
    machine.processes.stop(AGENT)
    assert machine.cron.crontab().startswith(FOREIGN)

    machine.demo.agent("uninstall")

    assert machine.cron.crontab() == FOREIGN + _line(folder_of(machine))


def told(run: Mapping[str, Any]) -> tuple[Any, ...]:
    return run["status"], run["exit_code"], run["output"], run["job_id"], run["endpoint_id"]
