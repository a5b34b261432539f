"""Every command under whatever people and machines do to it: one clear line, the right exit code, never a traceback."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from agent.__main__ import COMMANDS, cli, run
from agent.services.base import NEEDS_A_PERSON

# What does not need an enrolled machine, with the exit code it then has.
BROKEN_CONFIG = {"run": NEEDS_A_PERSON, "diff": 2}
FINE_WITHOUT = {"support-bundle": 0, "logs": 0, "version": 0, "audit": 0}
WITHOUT_CONFIG = BROKEN_CONFIG | FINE_WITHOUT | {"doctor": 2, "status": 2, "enroll": 2}
# These talk to the system's service manager or replace the program; their own tests know how to keep that away.
NOT_HERE = {"install", "start", "stop", "restart", "self-update"}
# What is no option may be a file to these.
TAKE_A_NAME = {"restore", "validate", "support-bundle"}
ARGUMENTS = {"audit": ["verify"], "enroll": ["--api-url", "https://api.example.com"]}
SAFE = sorted(set(COMMANDS) - NOT_HERE)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRONTOPUS_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("CRONTOPUS_ENROLL_TOKEN", raising=False)
    return tmp_path / ".crontopus"


def said(capfd: pytest.CaptureFixture[str]) -> str:
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err
    assert "internal error" not in err
    return out + err


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("garbage", [["--nonsense"], ["\x1b[2J"], ["--", "x", "y"], ["-"]])
def test_garbage_arguments_are_a_matter_of_usage(
    name: str, garbage: list[str], home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if name in TAKE_A_NAME and not garbage[0].startswith("--"):
        pytest.skip("that may be a file")

    code = run([name, *garbage])

    assert (code, bool(said(capfd))) == (2, True)
    assert not home.exists()


@pytest.mark.parametrize("name", SAFE)
def test_a_machine_that_is_not_enrolled_is_told_so(name: str, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = run([name, *ARGUMENTS.get(name, [])])

    words = said(capfd)
    assert code == WITHOUT_CONFIG.get(name, 1)
    assert words.strip()
    assert not home.exists()


@pytest.mark.parametrize("config", [b"", b"a: [", b"nonsense: 1\n", b"\xff\xfe", b"api_url: &a x\n", b"[" * 5000])
@pytest.mark.parametrize("name", sorted(set(SAFE) - {"enroll", "logs", "version", "audit", "support-bundle"}))
def test_a_broken_configuration_is_named(name: str, config: bytes, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    home.mkdir()
    (home / "config.yaml").write_bytes(config)

    assert run([name]) == BROKEN_CONFIG.get(name, 1)
    assert "config.yaml" in said(capfd)


@pytest.mark.parametrize("name", SAFE)
def test_a_home_that_is_no_folder_is_no_bug_of_ours(name: str, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    home.write_text("a file where the folder should be")

    assert run([name, *ARGUMENTS.get(name, [])]) in (0, 1, 2, NEEDS_A_PERSON)
    assert said(capfd).strip()


@pytest.mark.parametrize("name", SAFE)
def test_a_home_that_is_no_path_is_refused(
    name: str, home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CRONTOPUS_HOME", "~/here")

    assert run([name, *ARGUMENTS.get(name, [])]) in (0, 1, 2)
    assert "no absolute path" in said(capfd) or name == "version"


def test_the_guide_lists_every_command() -> None:
    block = Path("docs/agent.md").read_text().split("[services.md]")[0]

    assert not [name for name in COMMANDS if not re.search(rf"\b{name}\b", block)]


@pytest.fixture
def theirs(home: Path) -> list[str]:
    """Return what runs a command as somebody who may not look into the agent's folder: root may, unless told otherwise."""
    home.mkdir()
    (home / "config.yaml").write_text("x: 1\n")
    if os.getuid() != 0:
        home.chmod(0)
        return []
    if not shutil.which("setpriv", path=os.defpath):
        pytest.skip("root without setpriv may look everywhere")
    os.chown(home, 65534, 65534)
    home.chmod(0o700)
    drop = "-dac_override,-dac_read_search"
    return [str(shutil.which("setpriv", path=os.defpath)), "--bounding-set", drop, "--inh-caps", "-all"]


@pytest.mark.parametrize("name", ["status", "doctor", "logs", "audit verify", "support-bundle", "sync"])
def test_a_folder_of_somebody_else_is_no_bug_of_ours(name: str, theirs: list[str], home: Path) -> None:
    command = [*theirs, sys.executable, "-m", "agent", *name.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, stdin=subprocess.DEVNULL)

    assert done.returncode in (0, 1)
    assert "internal error" not in done.stderr
    assert "Traceback" not in done.stderr
    assert name != "doctor" or "belongs to somebody else" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_help_begins_with_what_the_command_does_and_fits_a_screen(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0

    words = said(capfd).splitlines()
    assert words[0].startswith(f"Usage: crontopus-agent {name}")
    assert any(line.strip() == "Examples:" for line in words[: words.index("Options:")])
    assert len(words) <= 45


def test_every_command_is_one_and_none_is_forgotten() -> None:
    modules = {path.stem.replace("_", "-") for path in Path("agent/commands").glob("*.py")} - {"--init--"}

    assert modules >= set(COMMANDS)
    assert all(isinstance(cli.get_command(click.Context(cli), name), click.Command) for name in COMMANDS)


@pytest.mark.parametrize("name", ["version", "status", "doctor"])
@pytest.mark.parametrize("end", [">&-", "> /dev/full", "| true"])
def test_a_closed_or_full_output_is_no_bug_of_ours(name: str, end: str, home: Path) -> None:
    command = f"{sys.executable} -m agent {name} {end}"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False, timeout=30)

    assert done.returncode in (0, 1, 2)
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    assert "Exception ignored" not in done.stderr
