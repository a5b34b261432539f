"""Timeouts, and signals that reach run-job itself."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.functional.run_job_host import Done, Host, installed, is_running

DEAF = "trap '' TERM; while :; do sleep 0.02; done"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return installed(tmp_path / "D", KILL_GRACE_S=0.3, DRAIN_S=0.3)


def started(host: Host, gate: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start the job and return once it has written a process number to the gate."""
    return host.start(), int(gate.read_text())


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A pipe through which a job tells that it has come so far."""
    os.mkfifo(tmp_path / "gate")
    return tmp_path / "gate"


def test_a_job_that_takes_too_long_is_stopped(host: Host):
    done = host.run("echo begun; exec sleep 60", fields={"timeout_s": 0.1})

    assert done.code == 124
    record = host.record()
    assert (record["status"], record["exit_code"], record["signal"]) == ("timeout", 124, signal.SIGTERM)
    assert record["duration_ms"] < 10_000
    assert host.output() == b"begun\n[run-job: the job ran into its timeout and was stopped]\n"


def test_a_job_that_ends_in_time_is_left_alone(host: Host):
    done = host.run("true", fields={"timeout_s": 60})

    assert (done.code, host.record()["status"]) == (0, "success")


def test_a_job_and_its_children_that_ignore_sigterm_are_killed(host: Host, tmp_path: Path):
    done = host.run(f"(echo $(sh -c 'echo $PPID') > {tmp_path}/child; {DEAF}) & {DEAF}", fields={"timeout_s": 0.1})

    assert (done.code, host.record()["signal"]) == (124, signal.SIGKILL)
    assert not is_running(int((tmp_path / "child").read_text()))


def test_a_child_that_outlives_its_parent_silently_is_killed_too(host: Host, tmp_path: Path):
    child = f"(echo $(sh -c 'echo $PPID') > {tmp_path}/child; {DEAF}) >/dev/null 2>&1 &"

    done = host.run(f"{child} exec sleep 60", fields={"timeout_s": 0.1})

    assert (done.code, host.record()["signal"]) == (124, signal.SIGTERM)
    assert not is_running(int((tmp_path / "child").read_text()))


def test_a_job_that_cleans_up_at_sigterm_is_given_the_time_for_it(tmp_path: Path):
    host = installed(tmp_path / "D")

    done = host.run("trap 'echo cleaned up; exit 0' TERM; while :; do sleep 0.02; done", fields={"timeout_s": 0.1})

    assert (done.code, host.record()["status"]) == (124, "timeout")
    assert done.stdout == b"cleaned up\n"


def test_the_timeout_reaches_a_stopped_job(host: Host):
    done = host.run("kill -STOP $$; echo on", fields={"timeout_s": 0.1})

    assert done.code == 124


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_to_run_job_reaches_the_whole_job(host: Host, gate: Path, number: int):
    host.job(f"ulimit -c 0; sh -c 'echo $$ > {gate}; exec sleep 60'; exit 9")
    process, child = started(host, gate)

    os.kill(process.pid, number)
    process.communicate(timeout=10)

    assert process.returncode == 128 + number
    assert (host.record()["status"], host.record()["signal"]) == ("failure", number)
    assert host.output() == f"[run-job: told to stop by signal {int(number)}, which was passed on to the job]\n".encode()
    assert not is_running(child)


def test_a_job_decides_itself_what_sigterm_means(host: Host, gate: Path):
    host.job(f"trap 'echo enough; exit 5' TERM; echo $$ > {gate}; while :; do sleep 0.02; done")
    process, _ = started(host, gate)

    process.terminate()
    stdout, _ = process.communicate(timeout=10)

    assert (process.returncode, stdout) == (5, b"enough\n")
    assert host.record()["exit_code"] == 5


def test_nohup_stays_nohup(host: Host):
    done = host.run("kill -HUP $PPID; echo survived", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))

    assert (done.code, done.stdout) == (0, b"survived\n")


def test_a_launcher_that_ignores_or_blocks_sigchld_does_no_harm(host: Host):
    def unfriendly() -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])

    done = host.run("exit 4", preexec_fn=unfriendly)

    assert done == Done(4, b"", b"")


def test_the_job_goes_on_and_the_start_record_stays_when_run_job_is_killed(host: Host, gate: Path):
    host.job(f"kill -9 $PPID; echo alive > {gate}")

    process = host.start()

    assert gate.read_text() == "alive\n"
    process.communicate(timeout=10)
    assert process.returncode == -signal.SIGKILL
    assert [path.name[36:] for path in host.spool.iterdir()] == [".start.json"]


def test_a_timeout_holds_while_nobody_reads_the_output(host: Host):
    reader, writer = os.pipe()
    before = time.monotonic()

    done = host.run("exec yes", fields={"timeout_s": 0.2}, stdout=writer)

    os.close(reader)
    os.close(writer)
    assert (done.code, host.record()["status"]) == (124, "timeout")
    assert time.monotonic() - before < 10
