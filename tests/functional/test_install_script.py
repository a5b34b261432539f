"""The installer of Linux, run by dash against the real agent, packed and served on loopback."""

import functools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from chalicelib.domain.installers import INSTALLERS, fill
from infra import agent_package
from tests.fixtures.fake_api import ENROLL_TOKEN, ControlPlane, answering

TEMPLATE = Path(__file__).parents[2] / "chalicelib" / "templates" / "installers" / "install.sh"
SHELLCHECK = Path(sys.executable).parent / "shellcheck"
GIT = {"url": "http://127.0.0.1:1/crontopus/job-manifests-ada.git", "branch": "main", "username": "t-ada", "token": "a" * 40}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@dataclass(frozen=True)
class Shelf:
    """A package of this very agent, and where it is served."""

    url: str
    sha256: str


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Iterator[Shelf]:
    folder = tmp_path_factory.mktemp("shelf")
    checksum = agent_package.build(folder / "agent.tar.gz")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield Shelf(f"http://127.0.0.1:{server.server_address[1]}/agent.tar.gz", checksum)
    server.shutdown()
    server.server_close()


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with answering() as plane:
        plane.git = GIT
        yield plane


@dataclass
class Machine:
    """A user's home with a crontab program of its own, which holds an empty table."""

    home: Path
    plane: ControlPlane
    shelf: Shelf

    def install(self, *arguments: str, token: str | None = ENROLL_TOKEN, typed: str = "", sha256: str | None = None):
        values = {"API_URL": self.plane.url, "PACKAGE_URL": self.shelf.url, "PACKAGE_SHA256": sha256 or self.shelf.sha256}
        script = self.home.parent / "install.sh"
        script.write_text(fill(INSTALLERS["linux"], TEMPLATE.read_text(), values))
        environ = {"HOME": str(self.home), "PATH": f"{self.home.parent / 'programs'}:{os.environ['PATH']}"}
        environ |= {"CRONTOPUS_ENROLL_TOKEN": token} if token else {}
        command = ["dash", str(script), "--user", "--no-service", *arguments]
        return subprocess.run(command, env=environ, input=typed, capture_output=True, text=True, timeout=120)

    @property
    def files(self) -> list[str]:
        return sorted(path.relative_to(self.home).as_posix() for path in self.home.rglob("*"))

    def agent(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.home / ".local/bin/crontopus-agent"), *arguments]
        return subprocess.run(command, env={"HOME": str(self.home)}, capture_output=True, text=True, timeout=60)


@pytest.fixture
def machine(tmp_path, plane, shelf) -> Machine:
    programs, home = tmp_path / "programs", tmp_path / "ho me's"
    programs.mkdir()
    home.mkdir()
    (programs / "crontab").write_text("#!/bin/sh\necho no crontab for tester >&2\nexit 1\n")
    (programs / "crontab").chmod(0o755)
    return Machine(home, plane, shelf)


@pytest.mark.parametrize("platform", ["linux", "macos"])
def test_the_script_is_plain_posix_and_shellcheck_finds_nothing(platform, tmp_path):
    script = tmp_path / "install.sh"
    values = {"API_URL": "https://api.example.org", "PACKAGE_URL": "https://x.example.org/a", "PACKAGE_SHA256": "a" * 64}
    script.write_text(fill(INSTALLERS[platform], TEMPLATE.read_text(), values))

    assert subprocess.run(["dash", "-n", script], capture_output=True, timeout=30).stderr == b""
    assert subprocess.run([SHELLCHECK, "--shell=sh", script], capture_output=True, text=True, timeout=30).stdout == ""


def test_a_value_stays_a_value_in_the_shell():
    odd = 'it\'s $(touch /tmp/no) `x` "q" $X'
    script = fill(INSTALLERS["linux"], 'WORD=@WORD@\nprintf %s "$WORD"', {"WORD": odd})

    assert subprocess.run(["dash", "-c", script], capture_output=True, text=True, timeout=30).stdout == odd


def test_one_command_installs_enrols_and_is_the_same_a_second_time(machine):
    first = machine.install("--name", "web 1")
    again = machine.install(token=None)

    assert first.returncode == 0, first.stderr
    assert again.returncode == 0, again.stderr
    assert [body["name"] for body in machine.plane.bodies("/enroll")] == ["web 1"]
    assert "the program is there already" in again.stdout
    assert "enrolled already" in again.stdout
    assert machine.agent("version").stdout == "0.1.0\n"
    assert ENROLL_TOKEN not in first.stdout + first.stderr


def test_the_token_may_come_by_standard_input(machine):
    done = machine.install("--token-stdin", token=None, typed=f"{ENROLL_TOKEN}\n")

    assert done.returncode == 0, done.stderr
    assert len(machine.plane.bodies("/enroll")) == 1


def test_a_package_that_is_another_is_not_installed(machine):
    done = machine.install(sha256="0" * 64)

    assert done.returncode == 1
    assert f"SHA-256 is {machine.shelf.sha256}, expected {'0' * 64}" in done.stderr
    assert not [path for path in machine.files if "agent" in path]
    assert machine.plane.calls == []


def test_a_dry_run_changes_nothing(machine):
    done = machine.install("--dry-run", token=None)

    assert done.returncode == 0, done.stderr
    assert machine.shelf.url in done.stdout
    assert machine.files == []


def test_without_a_token_nothing_is_installed(machine):
    done = machine.install(token=None)

    assert (done.returncode, machine.files) == (1, [])
    assert "no enrollment token" in done.stderr


def test_a_refused_token_is_said(machine):
    done = machine.install(token="cet_" + "X" * 49)

    assert done.returncode != 0
    assert "refused" in done.stderr


def test_uninstalling_leaves_what_the_agent_knew_and_nothing_else(machine):
    machine.install()

    done = machine.install("--uninstall", token=None)

    assert done.returncode == 0, done.stderr
    assert not [path for path in machine.files if path.startswith(".local/") and "crontopus" in path]
    assert ".crontopus/config.yaml" in machine.files


def test_a_script_that_broke_off_does_nothing(machine):
    machine.install("--dry-run", token=None)
    script = machine.home.parent / "install.sh"
    text = script.read_text()
    script.write_text(text[: text.rindex("main")])

    done = subprocess.run(["dash", str(script)], env={"HOME": str(machine.home)}, capture_output=True, text=True, timeout=30)

    assert (done.returncode, done.stdout, machine.files) == (0, "", [])


def test_the_same_environment_makes_the_same_package(shelf, tmp_path):
    assert agent_package.build(tmp_path / "again.tar.gz") == shelf.sha256
