"""A bare machine on which nothing but the served installer has put the agent: an empty home, a cron of its own."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.machine import VERSION
from infra.local.demo import Demo
from infra.local.layout import Layout
from infra.local.processes import Processes
from infra.local.releases import put, signing_key
from infra.local.stack import Stack
from tests.e2e import private_cron
from tests.e2e.machines import FOREIGN
from tests.e2e.private_cron import PrivateCron
from tests.e2e.tenants import new_tenant
from tests.fixtures.updates import versioned

_DAEMON = "installed-agent"


@dataclass(frozen=True)
class InstalledMachine:
    """home: of the user who installs, empty before."""

    stack: Stack
    demo: Demo
    cron: PrivateCron
    home: Path
    processes: Processes

    @property
    def environ(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}

    @property
    def command(self) -> str:
        return str(self.home / ".local/bin/crontopus-agent")

    def install(self, *arguments: str) -> str:
        """Fetch the installer with a new one-use token, pipe it to sh, and return what it said."""
        token = self.demo.api.post("/api/enrollment-tokens", {"name": "e2e", "expires_in_hours": 1, "max_uses": 1})["token"]
        url = f"{self.stack.ports.api_url}/api/endpoints/install/script/linux"
        script = 'curl -fsS -H "Authorization: Bearer $CRONTOPUS_ENROLL_TOKEN" "$0" | sh -s -- --user "$@"'
        command = [*self.cron.inside, "sh", "-c", script, url, *arguments]
        environ = {**self.environ, "CRONTOPUS_ENROLL_TOKEN": token}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def agent(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*self.cron.inside, self.command, *arguments]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=60, check=False)

    def status(self) -> Mapping[str, Any]:
        told: Mapping[str, Any] = json.loads(self.agent("status", "-o", "json").stdout)
        return told

    def start(self) -> None:
        """Start the agent, as whatever starts services on this machine would."""
        self.processes.start(_DAEMON, [*self.cron.inside, self.command, "run"], self.environ)

    def stop(self) -> None:
        self.processes.stop(_DAEMON)

    def endpoints(self) -> list[Mapping[str, Any]]:
        return list(self.demo.api.get("/api/endpoints")["endpoints"])

    def publish(self, version: str) -> None:
        """Let the stack offer this very agent as another version, with the keys that it trusts here."""
        releases = self.stack.layout.releases
        built = (releases / VERSION / f"crontopus-agent-{VERSION}.pyz").read_bytes()
        put(releases, version, versioned(version, built), signing_key(self.stack.secrets))


@contextmanager
def bare_machine(stack: Stack, folder: Path) -> Iterator[InstalledMachine]:
    """A bare machine of a new tenant, gone afterwards. Skips the test, saying why, where no private cron can be had."""
    if why := private_cron.missing():
        pytest.skip(why)
    layout = Layout(folder)
    (folder / "home").mkdir()
    cron = PrivateCron(folder / "cron")
    machine = InstalledMachine(stack, new_tenant(stack, layout), cron, folder / "home", Processes(layout.run, layout.logs))
    try:
        cron.install(FOREIGN)
        yield machine
    finally:
        machine.stop()
        cron.stop()
