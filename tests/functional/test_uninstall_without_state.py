"""Uninstalling when the agent's folder is gone: its lines would call a program that is not there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.uninstall import abandoned
from tests.fixtures.fake_crontab import FakeCrontab

FOREIGN = b"# mine\t\n\n0 4 * * * /bin/true %  \n"
OTHERS = b"# BEGIN CRONTOPUS ep-2\n0 1 * * * /srv/other/.crontopus/bin/run-job CRONTOPUS:%s\n# END CRONTOPUS ep-2\n"
JOB = b"5f0c7d6e-4b1a-4c3d-9e2f-0a1b2c3d4e5f"


def block(home: Path, guard: bytes = b"") -> bytes:
    line = b"*/5 * * * * %s/.crontopus/bin/run-job %sCRONTOPUS:%s\n" % (os.fsencode(home), guard, JOB)
    return b"# BEGIN CRONTOPUS ep-1\n" + line + b"# END CRONTOPUS ep-1\n"


def uninstall(home: Path, cron: FakeCrontab) -> subprocess.CompletedProcess[str]:
    environ = {"HOME": str(home), "CRONTOPUS_HOME": str(home), "PATH": f"{cron.folder}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "agent", "uninstall"]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.mark.parametrize("guard", [b"", b"--guard "])
def test_the_block_that_names_our_folder_goes_and_nothing_else(home: Path, tmp_path: Path, guard: bytes):
    rest = FOREIGN + OTHERS % JOB
    cron = FakeCrontab(tmp_path / "cron", rest + block(home, guard))

    done = uninstall(home, cron)

    assert done.returncode == 0, done.stderr
    assert cron.content == rest
    assert Path(done.stdout.splitlines()[0].split(": ")[1]).read_bytes() == rest + block(home, guard)


@pytest.mark.parametrize("table", [FOREIGN, FOREIGN + OTHERS % JOB])
def test_without_a_block_of_ours_nobody_is_enrolled(home: Path, tmp_path: Path, table: bytes):
    cron = FakeCrontab(tmp_path / "cron", table)

    done = uninstall(home, cron)

    assert (done.returncode, cron.writes) == (1, 0)
    assert "(not_enrolled)" in done.stderr
    assert list(home.iterdir()) == []


def test_two_blocks_of_ours_are_both_found(home: Path):
    other = block(home).replace(b"ep-1", b"ep-3")

    assert abandoned(block(home) + FOREIGN + other, home / ".crontopus") == ["ep-1", "ep-3"]


def test_a_folder_whose_name_only_begins_like_ours_is_not_ours(home: Path):
    assert abandoned(block(Path(f"{home}/x{home}")), home / ".crontopus") == []


def test_marks_alone_are_taken_off_and_adopted_lines_put_back(home: Path, tmp_path: Path):
    marked = FOREIGN + b"@daily x # CRONTOPUS:" + JOB + b"\n# CRONTOPUS:" + JOB[:-1] + b"0 adopted: @daily y\r\n"
    cron = FakeCrontab(tmp_path / "cron", marked)

    done = uninstall(home, cron)

    assert done.returncode == 0, done.stderr
    assert cron.content == FOREIGN + b"@daily x\n@daily y\r\n"
