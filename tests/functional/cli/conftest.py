"""A server, a login, and the command line as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, CompletedProcess, Popen
from typing import Any

import pytest

from cli.credentials import Login, Logins
from cli.profiles import Profiles
from tests.functional.cli.server import Api, serving

ROOT = Path(__file__).parents[3]
NO_KEYRING = "keyring.backends.null.Keyring"
COMMAND = [sys.executable, "-m", "cli"]
# Unbuffered, Python does not notice that a pipe took only half of what it wrote.
NOT_INHERITED = ("CRONTOPUS_", "PYTHONUNBUFFERED", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "COLUMNS", "PAGER")


@dataclass(frozen=True)
class Program:
    """The command line with a folder of its own, in which ann is logged in."""

    logins: Logins

    def run(self, *args: str, typed: str = "", **environ: str) -> CompletedProcess[str]:
        process = self.start(args, environ, stdin=PIPE, text=True)
        stdout, stderr = process.communicate(typed, timeout=30)
        return CompletedProcess(args, process.returncode, stdout, stderr)

    def start(
        self,
        args: Sequence[str],
        environ: dict[str, str] | None = None,
        command: Sequence[str] = COMMAND,
        **more: Any,
    ) -> Popen[Any]:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(NOT_INHERITED)}
        own = {"CRONTOPUS_CONFIG_DIR": str(self.logins.folder), "TZ": "UTC", "PYTHON_KEYRING_BACKEND": NO_KEYRING}
        streams = {"stdin": subprocess.DEVNULL, "stdout": PIPE, "stderr": PIPE, **more}
        return Popen([*command, *args], cwd=ROOT, env={**inherited, **own, **(environ or {})}, **streams)


@pytest.fixture(scope="session")
def server() -> Iterator[Api]:
    with serving() as api:
        yield api


@pytest.fixture
def api(server: Api) -> Api:
    """The server as if it had just started."""
    server.reset()
    return server


@pytest.fixture
def program(api: Api, tmp_path: Path) -> Program:
    logins = Logins(tmp_path / "config")
    logins.save(api.url, Login("ann", "access-0", "refresh-0"))
    Profiles(logins.folder).put("default", "api_url", api.url)
    return Program(logins)
