"""The background services of the stack: how each starts and how to tell that it answers."""

import sys
import urllib.error
import urllib.request
from collections.abc import Sequence

from infra.local.kept_secrets import KeptSecrets
from infra.local.layout import EMULATOR_VENV, Layout, Ports, clean_environment
from infra.local.processes import Processes

EMULATOR = "emulator"
FORGE = "forge"
AGENT = "agent"
# In the order in which they stop: who writes before who keeps.
NAMES = (AGENT, EMULATOR, FORGE)
_HEALTH_TIMEOUT_S = 5.0
_PORT_OWNERS = {"front": EMULATOR, "aws": EMULATOR, "forge": FORGE}


class Services:
    """Start what does not run yet. Each method says `started` or `was running`.

    inside: what starts a command on the agent's machine.
    """

    def __init__(self, layout: Layout, ports: Ports, processes: Processes, inside: Sequence[str] = ()) -> None:
        self._layout = layout
        self._ports = ports
        self._processes = processes
        self._inside = inside

    def start_emulator(self, checkpoint_every_s: float = 10.0) -> str:
        """Start the embedded AWS with its front door."""
        ports = [f"--aws-port={self._ports.aws}", f"--front-port={self._ports.front}"]
        paths = [f"--folder={self._layout.emulator}", f"--functions-log={self._layout.logs / 'functions.log'}"]
        paths.append(f"--releases={self._layout.releases}")
        options = [*ports, *paths, f"--checkpoint-every-s={checkpoint_every_s}"]
        command = [str(EMULATOR_VENV / "bin" / "python"), "-m", "infra.local.emulator", *options]
        return self._start(EMULATOR, command, f"{self._ports.aws_url}/_ministack/health")

    def start_forge(self, secrets: KeptSecrets) -> str:
        admin = secrets.forge_admin()
        where = [f"--data={self._layout.forge}", f"--port={self._ports.forge}", f"--url={self._ports.forge_url}"]
        who = [f"--admin-user={admin.login}", f"--admin-password-file={secrets.path('forge-admin-password')}"]
        command = [sys.executable, "-m", "infra.local.forge", *where, *who]
        return self._start(FORGE, command, f"{self._ports.forge_url}/api/v1/version")

    def start_agent(self) -> str:
        """Start the agent's daemon; this machine must be enrolled."""
        if self._processes.find(AGENT) is not None:
            return "was running"
        environment = clean_environment(CRONTOPUS_HOME=str(self._layout.agent_home))
        self._processes.start(AGENT, [*self._inside, sys.executable, "-m", "agent", "run"], environment)
        return "started"

    def _start(self, name: str, command: list[str], health_url: str) -> str:
        if self._processes.find(name) is not None and answers(health_url):
            return "was running"
        # One that runs without answering is stuck.
        self._processes.stop(name)
        self._processes.start(name, command, clean_environment())
        self._processes.wait_ready(name, lambda: answers(health_url))
        return "started"


def port_owner(port_name: str) -> str:
    """Return the service that listens on the port of this name."""
    return _PORT_OWNERS[port_name]


def answers(url: str) -> bool:
    """Say whether a GET of this address is answered with success."""
    return status(url) == 200


def status(url: str, token: str | None = None) -> int | None:
    """Return the status that a GET of this address is answered with, None if there is no answer."""
    headers = {"Authorization": f"token {token}"} if token else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - our own addresses
    try:
        with urllib.request.urlopen(request, timeout=_HEALTH_TIMEOUT_S) as response:  # noqa: S310
            return int(response.status)
    except urllib.error.HTTPError as e:
        return e.code
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None
