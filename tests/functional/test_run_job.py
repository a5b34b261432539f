"""run-job as cron starts it: what the job sees, what becomes of its output and its exit code, what is written down."""

import json
import marshal
import os
import pwd
import signal
import subprocess
from pathlib import Path

import pytest

from agent.wrapper import script
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


def test_run_job_finds_its_files_from_wherever_it_is_called(host: Host, tmp_path: Path):
    host.job("echo here")
    (tmp_path / "link").symlink_to("D/bin/run-job")

    for words in ([str(tmp_path / "link")], ["./run-job"], ["../bin/run-job"]):
        done = subprocess.run([*words, JOB_ID], cwd=host.directory / "bin", env={}, capture_output=True, check=True)
        assert done.stdout == b"here\n"


@pytest.mark.parametrize("arguments", [[], ["CRONTOPUS:"], ["CRONTOPUS:../../etc/passwd"], ["backup"], [JOB_ID, JOB_ID]])
def test_a_wrong_call_says_how_to_call_it(host: Host, arguments: list[str]):
    done = subprocess.run([host.run_job, *arguments], capture_output=True, env={}, check=False)

    assert done.returncode == 64
    assert done.stderr.startswith(b"[run-job: usage:")


def test_a_job_without_a_file_is_a_failure_in_words(host: Host):
    done = host.run()

    assert done.code == 78
    assert done.stderr.count(b"\n") == 1
    assert host.record()["job_id"] == JOB_ID
    assert host.record()["status"] == "failure"
    assert b"has the job been removed" in (host.output() or b"")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"command": "true"}', b"apiVersion: v1\n", b'{"name": {}}'],
)
def test_a_damaged_job_file_is_a_failure_in_words(host: Host, content: bytes):
    host.job("true")
    (host.directory / "jobs" / f"{JOB_ID}.yaml").write_bytes(content)

    done = host.run()

    assert done.code == 78
    assert done.stderr.count(b"\n") == 1
    assert host.record()["exit_code"] == 78
    assert b"remove it and the agent writes it again" in (host.output() or b"")


@pytest.mark.parametrize(
    ("key", "value"),
    [("timeout_s", "5"), ("args", [1]), ("env", {"A": 1}), ("working_dir", 7), ("max_output_bytes", "9"), ("shell", None)],
)
def test_a_job_file_with_a_wrong_value_is_a_failure_in_words(host: Host, key: str, value: object):
    host.job("true")
    path = host.directory / "jobs" / f"{JOB_ID}.yaml"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))

    done = host.run()

    assert done.code == 78
    assert host.record()["status"] == "failure"


@pytest.mark.parametrize("field", ["command", "args", "env"])
def test_text_that_no_system_call_takes_is_a_failure_in_words(host: Host, field: str):
    values = {"command": "true \0", "args": ["\0"], "env": {"A": "\ud800"}}
    host.job("true")
    path = host.directory / "jobs" / f"{JOB_ID}.yaml"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: values[field]}))

    done = host.run()

    assert done.code == 126
    assert host.record()["status"] == "failure"


def test_run_job_does_without_the_fast_json_of_cpython(host: Host):
    host.run_job.write_text(host.run_job.read_text().replace("from _json import", "from _no_json import"))

    done = host.run("printf '%s'", fields={"args": ('ü " \n 🐙',)})

    assert (done.code, done.stdout.decode()) == (0, 'ü " \n 🐙')
    assert host.record()["status"] == "success"


def test_the_compiled_program_is_used_where_it_fits(host: Host):
    host.job("true")
    code = host.run_job.with_name("run-job.code")
    made, key = code.read_bytes(), script.key(host.run_job)
    code.write_bytes(key + marshal.dumps(compile("print('used')", "x", "exec")))

    assert host.run().stdout == b"used\n"
    assert made.startswith(key)


@pytest.mark.parametrize("damage", [b"", b"\0", b"other version", None])
def test_run_job_does_without_the_compiled_program(host: Host, damage: bytes | None):
    code = host.run_job.with_name("run-job.code")
    code.unlink() if damage is None else code.write_bytes(damage)

    assert host.run("exit 3").code == 3


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_a_torn_compiled_program_is_not_used(host: Host, size: int):
    code = host.run_job.with_name("run-job.code")
    code.write_bytes(code.read_bytes()[: len(script.key(host.run_job)) + size])

    assert host.run("exit 3").code == 3


def test_a_script_changed_by_hand_does_what_it_says(host: Host):
    host.run_job.write_text(host.run_job.read_text().replace("usage: run-job", "usage: walk-job"))

    done = subprocess.run([host.run_job], capture_output=True, check=False)

    assert b"walk-job" in done.stderr
