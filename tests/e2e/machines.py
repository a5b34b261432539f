"""A machine of a new tenant: a cron of its own, a table with its owner's lines, an enrolled agent and its daemon."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from infra.local.demo import Demo, await_run
from infra.local.layout import CHECKOUT, Layout, clean_environment
from infra.local.processes import Processes
from infra.local.services import AGENT, Services
from infra.local.stack import Stack
from tests.e2e import private_cron
from tests.e2e.private_cron import PrivateCron
from tests.e2e.tenants import new_tenant

FOREIGN = "# mine\t\n\n0 4 1 1 * /bin/true %  \nMAILTO=nobody\n"


_LINE = re.compile(r"\S+ \S+ \S+ \S+ \S+ (?P<command>/\S+/bin/run-job(?: --guard)? CRONTOPUS:(?P<id>[0-9a-f-]{36}))")


@dataclass(frozen=True)
class Machine:
    """An enrolled machine with a cron of its own and the agent's daemon."""

    demo: Demo
    cron: PrivateCron
    processes: Processes
    services: Services
    endpoint_id: str

    def commit(self, name: str, command: str, schedule: str = "* * * * *", **more: Any) -> Mapping[str, Any]:
        """Commit a job and return it; the agent hears of it at its next round."""
        job: Mapping[str, Any] = self.demo.api.post(
            "/api/jobs", {"name": name, "schedule": schedule, "command": command, **more}
        )["job"]
        return job

    def sync(self) -> str:
        """Let the agent do a round at once and return what it said."""
        return self._agent("sync", "--once").stderr

    def status(self) -> str:
        """Return what the agent's `status` says, as a person reads it."""
        return self._agent("status").stdout

    def _agent(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = clean_environment(CRONTOPUS_HOME=str(self.demo.layout.agent_home))
        command = [*self.demo.inside, sys.executable, "-m", "agent", *arguments]
        return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60)

    def commands(self) -> dict[str, str]:
        """Return what cron starts, by job id. Fails if a line of ours is anything but a schedule and run-job with an id."""
        ours = [line for line in self.cron.crontab().splitlines() if "run-job" in line]
        matches = [_LINE.fullmatch(line) for line in ours]
        assert all(matches), ours
        return {match["id"]: match["command"] for match in matches if match}

    def runs(self, count: int) -> list[Mapping[str, Any]]:
        """Return the machine's runs with their outputs once there are `count`, an empty list before."""
        listed = self.demo.api.get("/api/runs", endpoint_id=self.endpoint_id, days=1)["runs"]
        return [self.demo.api.get(f"/api/runs/{run['run_id']}")["run"] for run in listed] if len(listed) >= count else []

    def run_after(self, moment: datetime, job: Mapping[str, Any]) -> Mapping[str, Any]:
        return await_run(self.demo.api, job["name"], self.endpoint_id, moment, lambda *_: None)

    def spooled(self) -> list[str]:
        return sorted(path.name for path in (self.demo.layout.agent_home / ".crontopus" / "spool").glob("*.end.json"))


@contextmanager
def running_machine(stack: Stack, folder: Path, table: str = FOREIGN) -> Iterator[Machine]:
    """A machine in this folder, gone afterwards. Skips the test, saying why, where no private cron can be had.

    table: what its owner's crontab holds.
    """
    if why := private_cron.missing():
        pytest.skip(why)
    layout = Layout(folder)
    cron = PrivateCron(folder / "cron")
    processes = Processes(layout.run, layout.logs)
    services = Services(layout, stack.ports, processes, cron.inside)
    try:
        cron.install(table)
        demo = new_tenant(stack, layout, cron.inside)
        demo.enrol()
        services.start_agent()
        yield Machine(demo, cron, processes, services, str(demo.endpoint_id()))
    finally:
        processes.stop(AGENT)
        cron.stop()


def as_cron_does(command: str) -> int:
    """Run a line as cron does, with its bare environment, and return the exit code."""
    environment = {"HOME": "/", "LOGNAME": "root", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    return subprocess.run(["/bin/sh", "-c", command], env=environment, cwd="/", capture_output=True, timeout=60).returncode
