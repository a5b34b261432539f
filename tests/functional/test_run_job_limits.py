"""run-job for jobs that shall be somebody else, or have less of the machine."""

import os
import pwd
from pathlib import Path

import pytest

from tests.functional.run_job_host import Host, installed

AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root can start jobs as somebody else")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return installed(tmp_path / "D")


def test_a_nice_job_is_nice(host: Host):
    done = host.run("nice", fields={"nice": 7})

    assert done.stdout == b"7\n"


def test_a_job_of_a_lower_io_class_has_it(host: Host):
    done = host.run("ionice; ionice -c 2 -n 4 true", fields={"io_class": "idle"})

    assert done.stdout.split()[0] == b"idle"


def test_a_job_kept_to_one_processor_has_one(host: Host):
    done = host.run("nproc", fields={"cpu": 1})

    assert done.stdout == b"1\n"


def test_more_processors_than_there_are_are_all_of_them(host: Host):
    done = host.run("nproc", fields={"cpu": 1024})

    assert int(done.stdout) == len(os.sched_getaffinity(0))


def test_a_job_gets_no_more_memory_than_it_may_have(host: Host):
    hungry = "head -c 200000000 /dev/zero | tail >/dev/null"

    assert host.run(hungry, fields={"memory_bytes": 1 << 30}).code == 0
    for path in host.spool.iterdir():
        path.unlink()
    done = host.run(hungry, fields={"memory_bytes": 64 << 20})

    assert done.code != 0
    assert b"memory exhausted" in done.stderr


def test_all_limits_at_once_leave_exit_code_output_and_signals_as_they_are(host: Host):
    fields = {"nice": 1, "io_class": "best-effort", "memory_bytes": 1 << 30, "cpu": 1, "args": ("a b",)}

    done = host.run('f() { echo "$1"; echo err >&2; kill -9 $$; }; f', fields=fields, env={"A": "b"})

    assert (done.code, done.stdout, done.stderr) == (137, b"a b\n", b"err\n")
    assert host.record()["signal"] == 9


@pytest.mark.parametrize(("shell", "code"), [("/no/such/shell", 127), ("/etc/passwd", 126)])
def test_a_shell_that_cannot_run_says_why_under_limits_too(host: Host, shell: str, code: int):
    done = host.run("true", fields={"shell": shell, "nice": 1})

    assert done.code == code
    assert f"cannot start {shell}".encode() in (host.output() or b"")


def test_a_limit_that_the_machine_does_not_grant_is_said_and_the_job_runs(host: Host):
    before = "def lower_priority(nice: int) -> None:\n"
    text = host.run_job.read_text()
    assert before in text
    host.run_job.write_text(text.replace(before, f"{before}    raise OSError(1, 'Not allowed')\n"))

    done = host.run("echo ran", fields={"nice": -5})

    assert done.stdout == b"ran\n"
    assert b"[run-job: nice -5 cannot be had here (Not allowed); the job runs without it]" in (host.output() or b"")


@AS_ROOT
def test_a_job_runs_as_the_user_it_names(host: Host):
    nobody = pwd.getpwnam("nobody")

    done = host.run(
        'id -u; id -g; id -G; echo "$LOGNAME $USER $HOME"', fields={"extras": {"user": "nobody"}}, env={"HOME": "/root"}
    )

    uid, gid, groups, variables = done.stdout.decode().splitlines()
    assert (int(uid), int(gid), groups) == (nobody.pw_uid, nobody.pw_gid, str(nobody.pw_gid))
    assert variables == f"nobody nobody {nobody.pw_dir}"
    assert host.record()["status"] == "success"


@AS_ROOT
def test_a_user_without_a_home_starts_at_the_root_of_the_system(host: Host):
    assert host.run("pwd", fields={"extras": {"user": "nobody"}}).stdout == b"/\n"


@AS_ROOT
def test_a_job_of_another_user_cannot_go_back(host: Host):
    done = host.run("cat /proc/self/status", fields={"extras": {"user": "nobody"}})

    ids = next(line for line in done.stdout.decode().splitlines() if line.startswith("Uid:")).split()[1:]
    assert set(ids) == {str(pwd.getpwnam("nobody").pw_uid)}


@AS_ROOT
def test_a_job_of_another_user_enters_its_directory_as_that_user(host: Host, tmp_path: Path):
    (tmp_path / "private").mkdir(mode=0o700)

    done = host.run("pwd", fields={"extras": {"user": "nobody"}, "working_dir": str(tmp_path / "private")})

    assert done.code == 78
    assert b"(Permission denied); the command was not started" in (host.output() or b"")


@AS_ROOT
def test_a_job_of_a_user_that_is_not_there_is_not_started(host: Host):
    done = host.run("touch started", fields={"extras": {"user": "no-such-user"}})

    assert done.code == 78
    assert b"there is no user no-such-user on this machine" in (host.output() or b"")


@AS_ROOT
def test_a_timeout_ends_a_job_of_another_user(host: Host):
    done = host.run("sleep 30", fields={"extras": {"user": "nobody"}, "timeout_s": 1})

    assert (done.code, host.record()["status"]) == (124, "timeout")
