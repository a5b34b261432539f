"""The files run-job lives on: itself, what Python made of it, and the job's; whatever state they are in."""

import json
import marshal
import subprocess
from pathlib import Path

import pytest

from agent.wrapper import script
from tests.functional.run_job_host import JOB_ID, Host, installed


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return installed(tmp_path / "D")


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
