"""Nowhere to write to: the job runs as ever, and what is lost is said."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.run_job_host import JOB_ID, Host, installed

JOB = "echo out; echo err >&2; exit 3"


@pytest.fixture
def syslog(tmp_path: Path) -> Iterator[socket.socket]:
    """A syslog that listens at tmp_path/log."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "log"))
        listener.setblocking(False)
        yield listener


@pytest.fixture
def host(tmp_path: Path, syslog: socket.socket) -> Host:
    return installed(tmp_path / "D", SYSLOG=(str(tmp_path / "log"),), SHELTERS=())


def complaints(host: Host, syslog: socket.socket) -> tuple[bytes, int]:
    """Return the one line in syslog and the number of complaints counted in D."""
    line = syslog.recv(4096)
    with pytest.raises(BlockingIOError):
        syslog.recv(4096)
    return line, (host.directory / "lost-results").stat().st_size


def test_a_spool_that_is_missing_is_made(host: Host):
    host.spool.rmdir()

    done = host.run(JOB)

    assert (done.code, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    assert host.record()["exit_code"] == 3
    assert host.spool.stat().st_mode & 0o777 == 0o700


def test_a_spool_that_cannot_be_used_does_not_touch_the_job(host: Host, syslog: socket.socket):
    host.spool.rmdir()
    host.spool.write_text("a file")

    done = host.run(JOB)

    assert (done.code, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    line, count = complaints(host, syslog)
    assert line.startswith(b"<11>run-job[")
    assert line.endswith(f"of job {JOB_ID}".encode())
    assert b"lost the result (Not a directory) of run " in line
    assert count == 1


def test_a_syslog_that_takes_nothing_does_not_hold_the_job_up(host: Host, tmp_path: Path):
    host.spool.rmdir()
    host.spool.write_text("a file")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as flood:
        flood.setblocking(False)
        with pytest.raises(BlockingIOError):
            while True:
                flood.sendto(b"x", str(tmp_path / "log"))

        done = host.run(JOB)

    assert done.code == 3


def test_a_limit_on_file_sizes_costs_the_record_not_the_job(host: Host, syslog: socket.socket):
    host.job(JOB)
    words = f"ulimit -f 0; exec {host.run_job} {JOB_ID}"

    done = subprocess.run(["/bin/sh", "-c", words], env={}, capture_output=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    assert b"lost the result (File too large)" in syslog.recv(4096)
    assert list(host.spool.iterdir()) == []


def in_own_mounts(host: Host, options: str, before: str = "") -> subprocess.CompletedProcess[bytes]:
    """Run the job with a little file system of its own as spool, whose records are copied to D/after at the end.

    options: of the mount. before: what to do in the spool first.
    """
    (host.directory / "after").mkdir()
    script = f"""
        mount -t tmpfs -o {options} tmpfs {host.spool} && cd {host.spool} && {before or "true"} || exit 99
        env -i {host.run_job} {JOB_ID}
        code=$?
        cp -r {host.spool}/*.json {host.spool}/*.out {host.directory}/after 2>/dev/null
        exit $code
    """
    if subprocess.run(["unshare", "-m", "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("needs root for a mount namespace of its own")
    return subprocess.run(["unshare", "-m", "/bin/sh", "-c", script], capture_output=True, check=False)


def spooled(host: Host) -> Host:
    """Return the host as if its spool were what the private one held at the end."""
    shutil.rmtree(host.spool)
    (host.directory / "after").rename(host.spool)
    return host


def test_a_disk_that_is_full_from_the_start_costs_the_record_not_the_job(host: Host, syslog: socket.socket):
    host.job(JOB)

    done = in_own_mounts(host, "size=16k", "(dd if=/dev/zero of=fill bs=4k count=9 2>/dev/null; :)")

    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    line, count = complaints(host, syslog)
    assert b"lost the result (No space left on device)" in line
    assert count == 1


def test_a_job_that_fills_the_disk_loses_its_output_but_not_its_result(host: Host, syslog: socket.socket):
    host.job(f"dd if=/dev/zero of={host.spool}/fill bs=4k 2>/dev/null; echo full; exit 3")

    done = in_own_mounts(host, "size=32k")

    assert (done.returncode, done.stdout) == (3, b"full\n")
    record = spooled(host).record()
    assert (record["status"], record["exit_code"], record["output_bytes"]) == ("failure", 3, 5)
    assert record["output_truncated"]
    line, _ = complaints(host, syslog)
    assert b"lost the output (No space left on device)" in line


def test_a_read_only_spool_does_not_touch_the_job(host: Host, syslog: socket.socket):
    host.job(JOB)

    done = in_own_mounts(host, "ro,size=16k")

    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    line, _ = complaints(host, syslog)
    assert b"lost the result (Read-only file system)" in line


def test_a_machine_without_syslog_and_without_a_writable_folder_runs_its_jobs(tmp_path: Path):
    host = installed(tmp_path / "D", SYSLOG=("/no/such/log",), SHELTERS=())
    host.spool.rmdir()
    host.spool.write_text("a file")
    (host.directory / "lost-results").mkdir()

    done = host.run(JOB)

    assert (done.code, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
