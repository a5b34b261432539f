"""run-job for jobs that ask for more: time zones, other jobs first, several attempts, nothing recorded."""

import json
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.guard import guarded
from tests.functional.run_job_host import JOB_ID, Host, installed

PARENT = "11111111-1111-4111-8111-111111111111"
NOTHING = (0, b"", b"")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return installed(tmp_path / "D")


def records(host: Host) -> list[dict[str, Any]]:
    found = [json.loads(path.read_bytes()) for path in sorted(host.spool.glob("*.end.json"))]
    assert not list(host.spool.glob("*.start.json"))
    return found


def guard(expression: str, zone: str = "Asia/Kathmandu") -> dict[str, Any]:
    return {"guard": guarded(expression, zone, None).guard}


def other_hour() -> int:
    """Return an hour that it is not, nor is going to be soon, in Kathmandu."""
    return (datetime.now(UTC).hour + 12) % 24


# --- time zones


def test_a_job_that_is_due_in_its_zone_runs_as_any_other(host: Host):
    done = host.run("echo ran", fields={"extras": guard("* 0-23 1-31 * *")}, is_guarded=True)

    assert (done.code, done.stdout) == (0, b"ran\n")
    assert host.record()["status"] == "success"


def test_a_job_that_is_not_due_leaves_neither_record_nor_word(host: Host):
    done = host.run("echo ran", fields={"extras": guard(f"* {other_hour()} * * *")}, is_guarded=True)

    assert (done.code, done.stdout, done.stderr) == NOTHING
    assert list(host.spool.iterdir()) == []


@pytest.mark.parametrize(("hours", "said"), [("0-23", b"ran\n"), ("other", b"")])
def test_without_a_zones_name_the_machines_own_clock_decides(host: Host, hours: str, said: bytes):
    hour = (datetime.now().astimezone().hour + 12) % 24 if hours == "other" else hours
    rule = {"guard": {**guard(f"* {hour} 1-31 * *")["guard"], "zone": None}}

    done = host.run("echo ran", fields={"extras": rule}, is_guarded=True)

    assert (done.code, done.stdout, done.stderr) == (0, said, b"")


def test_a_run_by_hand_asks_no_guard(host: Host):
    done = host.run("echo ran", fields={"extras": guard(f"* {other_hour()} * * *")})

    assert done.stdout == b"ran\n"


@pytest.mark.parametrize("extras", [None, guard("* 1 * * *") | {"guard": {"zone": "Mars/Olympus", "at": [0]}}])
def test_a_job_of_which_nobody_knows_whether_it_is_due_does_not_run_and_that_is_counted(host: Host, extras: Any):
    done = host.run("echo ran", fields={"extras": extras}, is_guarded=True)

    assert done.stdout == b""
    assert (host.directory / "lost-results").read_bytes() == b"."


def test_a_call_with_an_unknown_option_is_refused(host: Host):
    host.job("true")

    called = subprocess.run([host.run_job, "--gard", f"CRONTOPUS:{JOB_ID}"], capture_output=True)

    assert called.returncode == 64
    assert b"usage: run-job [--guard]" in called.stderr


# --- other jobs first


def child(**more: Any) -> dict[str, Any]:
    return {"extras": {"after": [["default/parent", PARENT]]} | more}


def parent_ends(host: Host, words: str) -> None:
    host.run(words, fields={"extras": {"is_noted": True}})
    (host.directory / "results" / JOB_ID).rename(host.directory / "results" / PARENT)
    for path in host.spool.iterdir():
        path.unlink()


def test_a_job_whose_parent_succeeded_today_runs(host: Host):
    parent_ends(host, "true")

    assert host.run("echo ran", fields=child()).stdout == b"ran\n"


@pytest.mark.parametrize("words", ["exit 1", "kill -9 $$"])
def test_a_job_whose_parent_failed_is_skipped(host: Host, words: str):
    parent_ends(host, "true")
    parent_ends(host, f"ulimit -c 0; {words}")

    done = host.run("echo ran", fields=child())

    assert (done.code, done.stdout) == (0, b"")
    assert host.record()["status"] == "skipped"
    assert host.output() == b"[run-job: skipped: the last run of default/parent ended with failure]\n"


def test_a_job_whose_parent_never_ran_here_is_skipped(host: Host):
    host.run("echo ran", fields=child())

    assert b"default/parent has not run here yet" in (host.output() or b"")


@pytest.mark.parametrize("zone", [None, "Pacific/Kiritimati"])
def test_a_job_whose_parent_succeeded_on_another_day_is_skipped(host: Host, zone: str | None):
    (host.directory / "results").mkdir()
    (host.directory / "results" / PARENT).write_text(f"success {int((time.time() - 86400) * 1000)}\n")

    host.run("echo ran", fields=child(zone=zone) if zone else child())

    assert b"default/parent has not run today" in (host.output() or b"")


def test_a_run_that_was_skipped_does_not_count_for_those_that_wait_for_it(host: Host):
    host.run("echo ran", fields=child(is_noted=True))

    assert not (host.directory / "results" / JOB_ID).exists()


# --- several attempts


def flaky(host: Host, good: int, **retry: Any) -> dict[str, Any]:
    """A command that succeeds at the attempt `good`."""
    words = f'echo try $CRONTOPUS_ATTEMPT; [ "$CRONTOPUS_ATTEMPT" = {good} ] || exit 7'
    return {"words": words, "fields": {"retry_attempts": 2, "retry_delay_s": 0} | retry}


def test_a_run_ends_with_the_attempt_that_succeeds(host: Host):
    done = host.run(**flaky(host, good=2))

    assert (done.code, done.stdout) == (0, b"try 1\ntry 2\n")
    record = host.record()
    assert (record["status"], record["exit_code"], record["output_bytes"]) == ("success", 0, 12)
    said = b"try 1\n[run-job: attempt 1 of 3 ended with exit code 7; the next one in 0 s]\ntry 2\n"
    assert host.output() == said


def test_a_run_whose_attempts_all_fail_has_the_last_ones_result(host: Host):
    done = host.run(**flaky(host, good=9))

    assert (done.code, done.stdout) == (7, b"try 1\ntry 2\ntry 3\n")
    assert (host.output() or b"").count(b"[run-job: attempt") == 2
    assert host.record()["exit_code"] == 7


def test_all_attempts_see_the_same_run(host: Host):
    done = host.run("echo $CRONTOPUS_RUN_ID; exit 1", fields={"retry_attempts": 1, "retry_delay_s": 0})

    assert set(done.stdout.decode().split()) == {host.record()["run_id"]}


def test_the_duration_of_a_run_is_that_of_all_its_attempts(host: Host):
    host.run("exit 1", fields={"retry_attempts": 1, "retry_delay_s": 1})

    record = host.record()
    assert record["duration_ms"] >= 1000
    assert record["finished_at"] - record["started_at"] >= record["duration_ms"]


def test_the_output_of_all_attempts_stays_within_its_limit(host: Host):
    words = "head -c 3000 /dev/zero | tr '\\0' x; exit 1"
    host.run(words, fields={"retry_attempts": 5, "retry_delay_s": 0, "max_output_bytes": 4096})

    record = host.record()
    assert len(host.output() or b"") == 4096
    assert (record["output_bytes"], record["output_truncated"]) == (18000, True)


def test_a_run_that_is_told_to_stop_is_not_tried_again(host: Host):
    host.job("echo once; exec sleep 30", retry_attempts=5, retry_delay_s=0)
    process = host.start()
    assert process.stdout
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)

    assert host.record()["exit_code"] == 143
    assert (host.output() or b"").count(b"once") == 1


def test_a_run_that_is_told_to_stop_between_attempts_ends_with_the_last_result(host: Host):
    host.job("echo once; exit 3", retry_attempts=5, retry_delay_s=3600)
    process = host.start()
    assert process.stdout
    process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)

    assert (host.record()["status"], host.record()["exit_code"]) == ("failure", 3)
    assert b"the next one in 3600 s, but told to stop by signal 15" in (host.output() or b"")


def test_an_attempt_that_runs_into_its_timeout_is_followed_by_another(host: Host):
    words = '[ "$CRONTOPUS_ATTEMPT" = 2 ] || sleep 30'
    done = host.run(words, fields={"retry_attempts": 1, "retry_delay_s": 0, "timeout_s": 1})

    assert done.code == 0
    assert b"ran into its timeout" in (host.output() or b"")


def test_a_command_that_cannot_be_started_is_tried_again(host: Host, tmp_path: Path):
    fields = {"retry_attempts": 1, "retry_delay_s": 0, "working_dir": str(tmp_path / "gone")}

    done = host.run("true", fields=fields)

    assert done.code == 78
    assert (host.output() or b"").count(b"cannot enter workingDir") == 2


# --- nothing recorded


@pytest.mark.parametrize("words", ["echo heard; exit 4", "exit 0"])
def test_a_job_that_is_not_reported_runs_and_leaves_no_record(host: Host, words: str):
    done = host.run(words, fields={"is_reported": False})

    assert done.code == int(words[-1])
    assert list(host.spool.iterdir()) == []


def test_the_job_file_of_a_job_that_asks_for_nothing_says_nothing_of_it(host: Host):
    host.job("true")

    assert "more" not in json.loads((host.directory / "jobs" / f"{JOB_ID}.yaml").read_bytes())
