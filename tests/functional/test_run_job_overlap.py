"""One run of a job at a time, and what that means once run-job itself has gone."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.waiting import until
from tests.functional.run_job_host import JOB_ID, Host, installed, is_running

NOTHING = (0, b"", b"")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return installed(tmp_path / "D")


def records(host: Host) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted(host.spool.glob("*.end.json"))]


def test_a_run_that_finds_the_one_before_at_work_is_skipped(host: Host):
    host.job(f"echo first; while [ ! -e {host.directory}/go ]; do sleep 0.02; done", concurrency="forbid")
    first = host.start()
    until(lambda: list(host.spool.glob("*.start.json")), "it has started")

    second = host.run()
    (host.directory / "go").touch()
    first.communicate(timeout=10)

    assert (second.code, second.stdout, second.stderr) == NOTHING
    assert sorted((item["status"], item["exit_code"]) for item in records(host)) == [("skipped", None), ("success", 0)]
    assert any(b"the run before is still going on" in path.read_bytes() for path in host.spool.glob("*.out"))


def left_behind(host: Host) -> int:
    """Kill run-job in the middle of a run and return the number of the job's process, which goes on."""
    host.job(
        f"echo $$ > {host.directory}/pid.tmp; mv {host.directory}/pid.tmp {host.directory}/pid; sleep 60; :",
        concurrency="forbid",
    )
    killed = host.start()
    until((host.directory / "pid").exists, "it has started")
    until(lambda: (host.directory / "locks" / JOB_ID).stat().st_size, "its process is noted")
    killed.send_signal(signal.SIGKILL)
    killed.wait(10)
    return int((host.directory / "pid").read_text())


def test_a_job_whose_run_job_was_killed_still_keeps_the_next_run_from_overlapping(host: Host):
    orphan = left_behind(host)

    skipped = host.run("echo again", fields={"concurrency": "forbid"})
    os.killpg(orphan, signal.SIGKILL)
    until(lambda: not is_running(orphan), "the orphan has gone")
    again = host.run("echo again", fields={"concurrency": "forbid"})

    assert (skipped.code, skipped.stdout, again.stdout) == (0, b"", b"again\n")
    assert any(b"whose run-job was killed, is still going on" in path.read_bytes() for path in host.spool.glob("*.out"))


def test_a_lock_of_a_process_that_has_gone_is_ignored(host: Host):
    (host.directory / "locks").mkdir()
    for noted in (f"{os.getpid()} 1 b00t", f"{2**22 + 1} 1 b00t", "no number", ""):
        (host.directory / "locks" / JOB_ID).write_text(noted)

        assert host.run("echo again", fields={"concurrency": "forbid"}).stdout == b"again\n"


def test_a_daemon_that_a_run_left_behind_does_not_hold_the_lock(host: Host):
    host.run("setsid sleep 5 >/dev/null 2>&1 &", fields={"concurrency": "forbid"})

    assert host.run("echo again", fields={"concurrency": "forbid"}).stdout == b"again\n"


def test_runs_that_may_overlap_do(host: Host):
    host.job(f"while [ ! -e {host.directory}/go ]; do sleep 0.02; done")
    both = [host.start(), host.start()]
    until(lambda: len(list(host.spool.glob("*.start.json"))) == 2, "both have started")
    (host.directory / "go").touch()

    assert [process.wait(10) for process in both] == [0, 0]
