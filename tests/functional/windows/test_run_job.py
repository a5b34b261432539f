"""run-job for Windows, as installed, with a POSIX shell: the same program, whose few calls of the system differ."""

import ast
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent import spool as spools
from agent.schedulers.triggers import kept
from agent.wrapper import command, script
from chalicelib.domain.manifest import Job
from tests.functional.run_job_host import is_running

JOB_ID = "5f0c7d6e-4b1a-4c3d-9e2f-0a1b2c3d4e5f"


@dataclass(frozen=True)
class Host:
    directory: Path

    def job(self, words: str, extras: dict[str, Any] | None = None, **fields: Any) -> None:
        whole = {"id": JOB_ID, "name": "backup", "namespace": "default", "schedule": "* * * * *", "command": words} | fields
        command.write_job(self.directory, Job(**whole), "c0ffee", extras)

    def start(self, *options: str, **environ: str) -> "subprocess.Popen[bytes]":
        program = [sys.executable, "-I", "-S", str(self.directory / "bin" / "run-job.py"), *options, f"CRONTOPUS:{JOB_ID}"]
        env = {"PATH": os.environ["PATH"], "HOME": str(self.directory.parent)} | environ
        return subprocess.Popen(program, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, words: str | None = None, *options: str, **fields: Any) -> tuple[int, bytes]:
        if words is not None:
            self.job(words, **fields)
        process = self.start(*options)
        output, _ = process.communicate(timeout=20)
        return process.returncode, output

    def records(self) -> list[spools.Record]:
        return spools.list_records(self.directory / "spool", time.time_ns() // 10**6, spools.process_alive)

    def ended(self) -> dict[str, Any]:
        (record,) = self.records()
        assert sorted(path.suffix for path in (self.directory / "spool").glob("*.json")) == [".json"]
        return record.run


@pytest.fixture
def host(tmp_path: Path) -> Host:
    directory = tmp_path / ".crontopus"
    command.install_for_windows(directory)
    (directory / "spool").mkdir()
    return Host(directory)


def test_it_is_one_file_for_python_3_9_that_needs_nothing_of_ours():
    text = script.windows_program()

    tree = ast.parse(text, feature_version=(3, 9))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert not any((module or "").startswith(("agent", "chalicelib")) for module in modules)
    assert "import posix" not in text


ENDS = [("true", 0, "success"), ("exit 3", 3, "failure"), ("kill -9 $$", 137, "failure")]


@pytest.mark.parametrize(("words", "code", "status"), ENDS)
def test_the_exit_code_is_the_jobs(host: Host, words: str, code: int, status: str):
    assert host.run(words)[0] == code

    run = host.ended()
    assert (run["exit_code"], run["status"]) == (code, status)


def test_output_is_passed_on_and_its_end_kept(host: Host):
    code, output = host.run("echo one; echo two >&2; printf 'caf\\303\\251'")

    assert (code, output) == (0, "one\ntwo\ncaf\xe9".encode())
    assert host.ended()["output"] == "one\ntwo\ncaf\xe9"


def test_of_much_output_the_end_is_kept(host: Host):
    host.run("head -c 3000000 /dev/zero | tr '\\0' x; echo end", max_output_bytes=1000)

    run = host.ended()
    assert run["output_bytes"] == 3_000_004
    assert run["output_truncated"]
    assert run["output"].endswith("xend\n")


def test_arguments_environment_and_directory_arrive(host: Host):
    (host.directory.parent / "work").mkdir()
    host.run('pwd; echo "$A-$CRONTOPUS_JOB_NAME-$CRONTOPUS_X";echo', args=("it's", "$A"), env={"A": "b"}, working_dir="work")

    assert host.ended()["output"] == f"{host.directory.parent}/work\nb-backup-\nit's $A\n"


def test_a_directory_that_is_not_there_refuses_the_run(host: Host):
    assert host.run("true", working_dir="none")[0] == 78
    assert "cannot enter workingDir" in host.ended()["output"]


def test_a_timeout_ends_the_whole_tree(host: Host):
    began = time.monotonic()

    code, _ = host.run("sleep 30 & echo $!; sleep 30", timeout_s=0.5)

    run = host.ended()
    assert (code, run["status"], time.monotonic() - began < 5) == (124, "timeout", True)
    assert not is_running(int(run["output"].split()[0]))


def test_a_signal_ends_the_job_and_is_said(host: Host):
    host.job("echo started; sleep 30")
    process = host.start()
    assert process.stdout
    process.stdout.readline()

    process.send_signal(signal.SIGTERM)
    process.wait(10)

    assert "told to stop by signal 15" in host.ended()["output"]


def test_a_process_left_behind_does_not_hold_up_the_result(host: Host):
    path = host.directory / "bin" / "run-job.py"
    path.write_text(path.read_text().replace("DRAIN_S = 5.0", "DRAIN_S = 0.1"))
    began = time.monotonic()

    host.run("sleep 3 & echo done")

    assert (host.ended()["output"], time.monotonic() - began < 2.5) == ("done\n", True)


def test_attempts_are_one_run(host: Host):
    code, _ = host.run("echo $CRONTOPUS_ATTEMPT; exit 7", retry_attempts=2, retry_delay_s=0)

    run = host.ended()
    assert (code, run["exit_code"]) == (7, 7)
    assert [line for line in run["output"].splitlines() if line.isdigit()] == ["1", "2", "3"]
    assert "attempt 1 of 3 ended with exit code 7" in run["output"]


def test_a_run_that_must_be_alone_is_skipped(host: Host):
    host.job("echo started; read x < fifo", concurrency="forbid", working_dir=str(host.directory))
    os.mkfifo(host.directory / "fifo")
    first = host.start()
    assert first.stdout
    first.stdout.readline()

    assert host.run()[0] == 0

    (host.directory / "fifo").write_text("go\n")
    assert first.wait(10) == 0
    assert sorted(record.run["status"] for record in host.records()) == ["skipped", "success"]


def test_a_parent_that_has_not_run_holds_the_run_back(host: Host):
    host.job("true", {"after": [["default/first", "0" * 36]], "clock": [[0, 60]]})

    host.run()

    run = host.ended()
    assert (run["status"], "has not run here yet" in run["output"]) == ("skipped", True)


def test_a_start_that_the_schedule_does_not_mean_leaves_nothing(host: Host):
    never = kept("30 2 29 2 0", "Europe/Paris", "UTC")
    host.job("true", {"guard": never.guard | {"is_both": True}} if never.guard else None)

    assert host.run(None, "--guard") == (0, b"")
    assert host.records() == []


def test_a_guard_without_a_rule_runs_nothing_and_complains(host: Host):
    host.job("true")

    host.run(None, "--guard")

    assert host.records() == []
    assert (host.directory / "lost-results").read_bytes() == b"."


def test_a_job_file_that_is_gone_is_said(host: Host):
    assert host.run()[0] == 78
    assert "has the job been removed" in host.ended()["output"]


def test_a_silent_job_leaves_no_record(host: Host):
    host.job("true", {"is_silent": True})

    assert (host.run()[0], host.records()) == (0, [])


def test_a_killed_run_job_is_noticed(host: Host):
    host.job("echo started; sleep 1")
    process = host.start()
    assert process.stdout
    process.stdout.readline()

    process.kill()
    process.wait(10)

    run = host.ended()
    assert (run["status"], run["exit_code"]) == ("failure", None)


def test_a_job_whose_output_nobody_reads_ends_all_the_same(host: Host):
    path = host.directory / "bin" / "run-job.py"
    path.write_text(path.read_text().replace("STALL_S = 30.0", "STALL_S = 0.1").replace("DRAIN_S = 5.0", "DRAIN_S = 0.1"))
    host.job("head -c 3000000 /dev/zero; echo end")
    process = host.start()

    assert process.wait(10) == 0

    assert host.ended()["output_bytes"] == 3_000_004


def test_a_wrong_call_is_told(host: Host):
    program = str(host.directory / "bin" / "run-job.py")

    done = subprocess.run([sys.executable, "-I", program, "x"], capture_output=True, check=False)

    assert (done.returncode, b"usage" in done.stderr) == (64, True)


def test_its_records_are_what_the_spool_reads(host: Host):
    host.run("true")

    (path,) = (host.directory / "spool").glob("*.end.json")
    record = json.loads(path.read_bytes())
    assert record.keys() >= {"run_id", "job_id", "job_name", "namespace", "commit", "started_at", "finished_at", "duration_ms"}
    assert record["commit"] == "c0ffee"
