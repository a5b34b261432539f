"""What becomes of a job's output: all of it goes on, the end of it is kept, and neither ever stops the job."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.functional.run_job_host import JOB_ID, Host, installed, is_running

MEASURE = """
import os, sys
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], {}), 0)
sys.stderr.write(str(usage.ru_maxrss))
"""
BLOCK = bytes(range(256)) * 256


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return installed(tmp_path / "D")


@pytest.fixture
def impatient(tmp_path: Path) -> Host:
    """A host where nobody is waited for."""
    return installed(tmp_path / "D", DRAIN_S=0.2, STALL_S=0.2)


def test_output_of_any_size_and_content_is_passed_on_unchanged_in_bounded_memory(host: Host, tmp_path: Path):
    (tmp_path / "block").write_bytes(BLOCK)
    host.job(f"i=0; while [ $i -lt 80 ]; do cat {10 * f'{tmp_path}/block '}; i=$((i+1)); done", max_output_bytes=65536)

    with (tmp_path / "mail").open("wb") as mail:
        measured = subprocess.run(
            [sys.executable, "-ISE", "-c", MEASURE, host.run_job, JOB_ID], stdout=mail, stderr=subprocess.PIPE
        )

    assert (tmp_path / "mail").stat().st_size == 800 * len(BLOCK)
    assert host.output() == BLOCK
    assert (host.record()["output_bytes"], host.record()["output_truncated"]) == (800 * len(BLOCK), True)
    assert int(measured.stderr) < 20_000


def test_what_a_pipe_takes_in_small_bites_arrives_whole(host: Host, tmp_path: Path):
    (tmp_path / "block").write_bytes(BLOCK)

    done = host.run(f"cat {20 * f'{tmp_path}/block '}; cat {20 * f'{tmp_path}/block '} >&2")

    assert done.stdout == done.stderr == 20 * BLOCK


@pytest.mark.parametrize(
    ("written", "kept", "is_cut"), [("", None, False), ("12345", b"12345", False), ("123456", b"23456", True)]
)
def test_the_end_of_the_output_is_kept(host: Host, written: str, kept: bytes | None, is_cut: bool):
    host.run(f"printf '%s' '{written}'", fields={"max_output_bytes": 5})

    assert host.output() == kept
    assert (host.record()["output_bytes"], host.record()["output_truncated"]) == (len(written), is_cut)


def test_a_job_that_writes_byte_by_byte_keeps_its_end(host: Host):
    host.run("i=0; while [ $i -lt 300 ]; do printf $((i%10)); i=$((i+1)); done", fields={"max_output_bytes": 10})

    assert host.output() == b"0123456789"
    assert host.record()["output_bytes"] == 300


def test_no_output_is_kept_where_none_is_wanted(host: Host):
    done = host.run("echo secret; /no/such/program", fields={"output": "none"})

    assert done.stdout == b"secret\n"
    assert host.output() is None
    assert host.record()["output_bytes"] > len("secret\n")
    assert host.record()["output_truncated"]


def test_why_a_job_was_not_started_is_kept_even_then(host: Host):
    host.run("true", fields={"output": "none", "working_dir": "/no/such/place"})

    assert b"was not started" in (host.output() or b"")


def test_run_job_returns_when_the_job_has_left_a_daemon_behind_that_keeps_stdout(impatient: Host, tmp_path: Path):
    impatient.job(f"sleep 60 & echo $! > {tmp_path}/daemon; echo started")

    done = impatient.run()

    pid = int((tmp_path / "daemon").read_text())
    assert (done.code, impatient.output()) == (0, b"started\n")
    assert is_running(pid)
    os.kill(pid, 9)


def test_output_that_a_child_writes_after_the_end_is_still_taken_in(host: Host, tmp_path: Path):
    os.mkfifo(tmp_path / "gate")

    done = host.run(f"(read -r line < {tmp_path}/gate; echo late) & echo first; exec 1>&- 2>&-; echo go > {tmp_path}/gate")

    assert done.stdout == b"first\nlate\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_job_runs_where_standard_descriptors_are_closed(host: Host, tmp_path: Path, closed: str):
    host.job(f"echo out; echo err >&2; cat; echo done > {tmp_path}/done")

    words = f"{host.run_job} {JOB_ID} {closed}"
    code = subprocess.run(["/bin/sh", "-c", words], env={}, stdin=subprocess.DEVNULL, check=False).returncode

    assert code == 0
    assert (tmp_path / "done").exists()
    assert host.output() == b"out\nerr\n"


def test_a_job_goes_on_when_nobody_reads_its_output(impatient: Host, tmp_path: Path):
    reader, writer = os.pipe()
    impatient.job(f"yes | head -c 1000000; echo done > {tmp_path}/done")

    process = impatient.start(stdout=writer)
    os.close(writer)

    assert process.wait(timeout=10) == 0
    os.close(reader)
    assert (tmp_path / "done").exists()
    assert impatient.record()["output_bytes"] == 1_000_000


def test_a_job_goes_on_when_the_reader_of_its_output_has_gone(host: Host, tmp_path: Path):
    reader, writer = os.pipe()
    os.close(reader)

    done = host.run(f"yes | head -c 1000000; echo done > {tmp_path}/done", stdout=writer)

    os.close(writer)
    assert done.code == 0
    assert (tmp_path / "done").exists()
    assert host.record()["output_bytes"] == 1_000_000


def test_a_job_goes_on_when_its_output_has_no_room_on_the_disk(host: Host):
    with Path("/dev/full").open("wb") as full:
        done = host.run("echo one; echo two", stdout=full)

    assert done.code == 0
    assert host.output() == b"one\ntwo\n"


def test_a_slow_reader_gets_everything(host: Host):
    host.job("yes | head -c 300000")

    with host.start() as process:
        got = sum(len(piece) for piece in iter(partial(os.read, process.stdout.fileno(), 100), b""))

    assert (process.returncode, got) == (0, 300_000)
