"""run-job as cron starts it: what the job sees, what becomes of its output and its exit code, what is written down."""

import json
import os
import pwd
import signal
import subprocess
from pathlib import Path

import pytest

from chalicelib.domain import ids
from tests.functional.run_job_host import COMMIT, JOB_ID, Host, installed


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return installed(tmp_path / "D")


def test_a_failing_job_is_recorded_and_its_exit_code_returned(host: Host):
    done = host.run("echo out; echo err >&2; exit 3")

    assert (done.code, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    record = host.record()
    assert record["status"] == "failure"
    assert (record["exit_code"], record["signal"]) == (3, None)


def test_a_record_says_which_job_and_which_definition_ran(host: Host):
    host.run("true")

    record = host.record()
    named = {key: record[key] for key in ("job_id", "job_name", "namespace", "commit", "status")}
    assert named == {"job_id": JOB_ID, "job_name": "backup", "namespace": "default", "commit": COMMIT, "status": "success"}
    assert ids.is_uuid(record["run_id"], 7)


def test_a_run_of_less_than_a_second_has_a_duration(host: Host):
    host.run("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")

    record = host.record()
    assert 1 <= record["duration_ms"] < 10_000
    assert record["finished_at"] - record["started_at"] >= record["duration_ms"]


def test_the_start_is_on_disk_before_the_command_runs(host: Host):
    host.run(f"cat {host.spool}/*.start.json")

    start = json.loads(host.output() or b"")
    assert start["run_id"] == host.record()["run_id"]
    assert start["job_id"] == JOB_ID
    assert isinstance(start["pid"], int)
    assert isinstance(start["pid_start"], int)
    assert start["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@pytest.mark.parametrize(
    "text",
    [
        "50% off",
        'it\'s "quoted"',
        "$(id) `id` $HOME ${x}",
        "a;b && c | d > e",
        "two\nlines\ttab",
        "grüße 🐙",
        "back\\slash",
        "-n",
        "",
    ],
)
def test_an_argument_arrives_as_it_was_written(host: Host, text: str):
    host.run("printf '<%s>'", fields={"args": (text, "end")})

    assert host.output() == f"<{text}><end>".encode()


def test_a_command_of_many_lines_runs_as_it_was_written(host: Host):
    done = host.run("x='a % b'\nfor i in 1 2; do\n  echo \"$i $x\" # 'comment\ndone\ncat <<'E'\n$(not) `run`\nE\n")

    assert done.stdout == b"1 a % b\n2 a % b\n$(not) `run`\n"


def test_arguments_belong_to_the_last_line_of_a_command_that_ends_in_a_newline(host: Host):
    done = host.run("cd /\necho\n", fields={"args": ("x",)})

    assert done.stdout == b"x\n"


def test_a_command_may_use_another_shell(host: Host):
    done = host.run("[[ a == a ]] && echo $BASH_VERSION | cut -c1", fields={"shell": "/bin/bash"})

    assert done.code == 0
    assert done.stdout.strip().isdigit()


def test_the_job_sees_the_schedulers_environment_and_nothing_of_ours(host: Host):
    done = host.run("env", env={"PATH": "/usr/bin:/bin", "CRONTOPUS_HOME": "/x", "ODD": "a=b\nc", "HOME": "/"})

    seen = set(done.stdout.decode().splitlines())
    run_id = host.record()["run_id"]
    assert seen - {"_=/usr/bin/env"} == {
        "PATH=/usr/bin:/bin", "ODD=a=b", "c", "HOME=/", "PWD=/", f"CRONTOPUS_RUN_ID={run_id}", "CRONTOPUS_JOB_NAME=backup",
    }  # fmt: skip


def test_the_manifests_variables_win_over_the_schedulers(host: Host):
    done = host.run('echo "$A $B"', env={"A": "cron"}, fields={"env": {"A": "it's 100 %", "B": "ü"}})

    assert done.stdout.decode() == "it's 100 % ü\n"


def test_a_job_runs_without_any_environment(host: Host):
    done = host.run("pwd")

    assert done.stdout.decode().strip() == pwd.getpwuid(os.getuid()).pw_dir


def test_a_job_starts_at_home_as_under_cron(host: Host, tmp_path: Path):
    done = host.run("pwd", env={"HOME": str(tmp_path)})

    assert done.stdout.decode().strip() == str(tmp_path)


@pytest.mark.parametrize("working_dir", ["~/work", "work", "{home}/work"])
def test_a_working_directory_is_absolute_or_seen_from_home(host: Host, tmp_path: Path, working_dir: str):
    (tmp_path / "work").mkdir()

    done = host.run("pwd", fields={"working_dir": working_dir.format(home=tmp_path)}, env={"HOME": str(tmp_path)})

    assert done.stdout.decode().strip() == str(tmp_path / "work")


def test_a_job_whose_working_directory_is_missing_does_not_start(host: Host, tmp_path: Path):
    done = host.run("touch started", fields={"working_dir": str(tmp_path / "gone")})

    assert done.code == 78
    assert host.record()["status"] == "failure"
    assert b"gone (No such file or directory); the command was not started" in (host.output() or b"")
    assert done.stderr == host.output()


def test_the_job_reads_what_the_scheduler_gives_it(host: Host):
    reader, writer = os.pipe()
    os.write(writer, b"from cron's percent sign\n")
    os.close(writer)

    done = host.run("cat", stdin=reader)

    assert done.stdout == b"from cron's percent sign\n"


def test_the_order_of_stdout_and_stderr_is_kept_where_they_are_one(host: Host):
    done = host.run("for i in 1 2 3; do echo out $i; echo err $i >&2; done", stderr=subprocess.STDOUT)

    assert done.stdout == b"out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n"
    assert host.output() == done.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, 137), (signal.SIGSEGV, 139), (signal.SIGTERM, 143)])
def test_a_job_that_a_signal_ended_is_told_from_one_that_failed(host: Host, number: int, code: int):
    done = host.run(f"ulimit -c 0; kill -{int(number)} $$")

    assert done.code == code
    record = host.record()
    assert (record["status"], record["exit_code"], record["signal"]) == ("failure", code, number)


def test_a_signal_that_ended_a_command_of_the_shell_is_named_too(host: Host):
    done = host.run("sh -c 'kill -9 $$'; exit $?")

    assert done.code == 137
    assert host.record()["signal"] == 9


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [("/no/such/program", 127, b"command not found"), ("/etc/passwd", 126, b"may not be executed")],
)
def test_a_command_that_cannot_run_says_why(host: Host, words: str, code: int, why: bytes):
    done = host.run(words)

    assert done.code == code
    assert host.record()["exit_code"] == code
    assert why in (host.output() or b"").splitlines()[-1]


@pytest.mark.parametrize(("shell", "code"), [("/no/such/shell", 127), ("/etc/passwd", 126)])
def test_a_shell_that_cannot_run_says_why(host: Host, shell: str, code: int):
    done = host.run("true", fields={"shell": shell})

    assert done.code == code
    assert host.record()["status"] == "failure"
    assert shell.encode() in (host.output() or b"")


def test_sigpipe_ends_a_job_as_it_does_without_us(host: Host):
    done = host.run("yes | head -1; grep SigIgn /proc/self/status")

    ignored = int(done.stdout.split()[-1], 16)
    assert done.stdout.startswith(b"y\nSigIgn")
    assert ignored & 1 << signal.SIGPIPE - 1 == 0
