"""The installer of Linux, run by dash against the real agent, packed and served on loopback."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.machine import VERSION
from chalicelib.domain.installers import INSTALLERS, fill
from chalicelib.services.installers import template
from tests.fixtures.fake_api import ENROLL_TOKEN, ControlPlane, answering
from tests.fixtures.release_shelf import STRANGE, Shelf, published

SHELLCHECK = Path(sys.executable).parent / "shellcheck"
GIT = {"url": "http://127.0.0.1:1/crontopus/job-manifests-ada.git", "branch": "main", "username": "t-ada", "token": "a" * 40}


def filled(platform: str, **values: str) -> str:
    return fill(INSTALLERS[platform], template(INSTALLERS[platform]), values)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Iterator[Shelf]:
    with published(tmp_path_factory.mktemp("shelf")) as shelf:
        yield shelf


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

    def install(self, *arguments: str, token: str | None = ENROLL_TOKEN, typed: str = "", **changed: str):
        """Run the installer. changed: other values than the shelf's for what the script is filled with."""
        script = self.home.parent / "install.sh"
        script.write_text(filled("linux", API_URL=self.plane.url, **{**self.shelf.values, **changed}))
        environ = {"HOME": str(self.home), "PATH": f"{self.home.parent / 'programs'}:{os.environ['PATH']}"}
        environ |= {"CRONTOPUS_ENROLL_TOKEN": token} if token else {}
        command = ["dash", str(script), "--user", "--no-service", *arguments]
        return subprocess.run(command, env=environ, input=typed, capture_output=True, text=True, timeout=120)

    @property
    def programs(self) -> list[str]:
        return [path for path in self.files if "crontopus-agent" in path or "current" in path]

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
    values = {"RELEASE_URL": "https://x.example.org/1.2.3", "SUMS_SHA256": "a" * 64, "RELEASE_KEYS": "a b"}
    script.write_text(filled(platform, API_URL="https://api.example.org", **values))

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


def test_a_release_that_is_another_is_not_installed(machine):
    done = machine.install(SUMS_SHA256="0" * 64)

    assert done.returncode == 1
    assert f"SHA-256 is {machine.shelf.sums_sha256}, expected {'0' * 64}" in done.stderr
    assert machine.programs == []
    assert machine.plane.calls == []


def test_a_release_that_none_of_the_keys_has_signed_is_not_installed(machine):
    done = machine.install(RELEASE_KEYS=STRANGE)

    assert done.returncode == 1
    assert "none of this installer's keys has signed the release" in done.stderr
    assert machine.programs == []


def test_a_signature_of_the_next_key_counts_as_well(machine):
    done = machine.install("--no-service", RELEASE_KEYS=f"{STRANGE} {machine.shelf.values['RELEASE_KEYS']}")

    assert done.returncode == 0, done.stderr


def test_without_python_the_build_that_brings_one_is_taken(machine):
    done = machine.install("--native")

    assert done.returncode == 0, done.stderr
    assert machine.agent("version").stdout == f"{VERSION}\n"
    assert [path for path in machine.files if path.endswith("python/bin/python3")]
    assert "is signed by a key of this installer" in done.stdout


def test_without_python_openssl_notices_a_strange_key(machine):
    done = machine.install("--native", RELEASE_KEYS=STRANGE)

    assert done.returncode == 1
    assert "none of this installer's keys has signed the release" in done.stderr


def test_without_python_and_openssl_the_pin_is_what_counts(machine):
    (machine.home.parent / "programs" / "openssl").write_text("#!/bin/sh\nexit 127\n")
    (machine.home.parent / "programs" / "openssl").chmod(0o755)

    done = machine.install("--native")

    assert done.returncode == 0, done.stderr
    assert "the signature cannot be checked without Python or OpenSSL 3" in done.stdout


def test_a_download_that_broke_off_is_not_installed(machine):
    machine.shelf.truncate(f"{VERSION}/crontopus-agent-{VERSION}.pyz")

    done = machine.install()

    assert done.returncode == 1
    assert "the download is damaged" in done.stderr
    assert machine.programs == []


def test_a_token_of_an_agent_that_took_a_tilde_for_a_name_is_removed(machine):
    nested = machine.home / ".crontopus" / "~" / ".crontopus"
    nested.mkdir(parents=True)
    (nested / "token").touch()

    machine.install()

    assert not [path for path in machine.files if "~" in path]
    assert ".crontopus/config.yaml" in machine.files


def test_a_dry_run_changes_nothing(machine):
    done = machine.install("--dry-run", token=None)

    assert done.returncode == 0, done.stderr
    assert machine.shelf.values["RELEASE_URL"] in done.stdout
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
