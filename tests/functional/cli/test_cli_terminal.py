"""The command line between pipes, terminals, full disks and impatient people."""

import os
import pty
import select
import signal
import threading
from pathlib import Path

import pytest

from tests.functional.cli.conftest import COMMAND, Program
from tests.functional.cli.server import Api, a_run


def test_a_reader_that_leaves_ends_the_program_quietly(api: Api, program: Program) -> None:
    api.runs = [a_run(1, "x" * 2_000_000)]

    process = program.start(["runs", "show", a_run(1)["run_id"], "-o", "json"])
    assert process.stdout
    assert process.stderr
    process.stdout.read(10)
    process.stdout.close()

    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(30) == 141


def test_a_full_disk_is_said_and_not_a_traceback(api: Api, program: Program) -> None:
    with Path("/dev/full").open("w") as full:
        process = program.start(["--version"], stdout=full, text=True)

    assert process.communicate(timeout=30)[1] == "Error: cannot write the output: No space left on device\n"
    assert process.returncode == 1


def test_control_c_ends_the_program_without_a_traceback(api: Api, program: Program) -> None:
    api.expire_access_token()
    is_asked, may_answer = threading.Event(), threading.Event()

    def hang() -> None:
        is_asked.set()
        may_answer.wait(30)

    api.during_refresh = hang
    process = program.start(["jobs", "list"], text=True)
    is_asked.wait(30)

    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    may_answer.set()

    assert (process.returncode, stdout, stderr.strip()) == (130, "", "Interrupted.")


def test_without_a_terminal_nothing_is_deleted_and_nothing_hangs(api: Api, program: Program) -> None:
    result = program.run("jobs", "delete", "backup")

    assert result.returncode == 2
    assert "--yes" in result.stderr
    assert api.seen == []


def on_a_terminal(program: Program, *args: str, interrupt_at: bytes = b"", environ: dict[str, str] | None = None) -> str:
    """Return what a terminal of 80 columns gets. interrupt_at: what it shows when Ctrl-C is pressed."""
    leader, follower = pty.openpty()
    of_terminal = {"TERM": "xterm-256color", "COLUMNS": "80", **(environ or {})}
    process = program.start(args, of_terminal, stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    shown = b""
    interrupted = False
    while True:
        # Python notices a signal late that comes between its prompt and its read: like a person, press again.
        if interrupted and not select.select([leader], [], [], 2)[0]:
            process.send_signal(signal.SIGINT)
            continue
        try:
            chunk = os.read(leader, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        shown += chunk
        if interrupt_at and interrupt_at in shown:
            process.send_signal(signal.SIGINT)
            interrupt_at, interrupted = b"", True
    os.close(leader)
    process.wait(30)
    return shown.decode()


def test_a_terminal_gets_words_in_colour_within_its_width(api: Api, program: Program) -> None:
    api.runs = [{**a_run(1), "namespace": "a-namespace-of-some-length", "job_name": "and-a-job-with-a-long-name"}]

    shown = on_a_terminal(program, "runs", "list")

    assert "\x1b[32msuccess\x1b[0m" in shown
    assert "019a1b2c-3d4e-7f00-8000-000000000001" in shown


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_no_colours_gets_no_escape_codes(api: Api, program: Program, more: dict[str, str]) -> None:
    api.runs = [a_run(1, "\x1b[2Jbye\x9b")]

    listed = on_a_terminal(program, "runs", "list", environ=more)
    shown = on_a_terminal(program, "runs", "show", a_run(1)["run_id"], environ=more)

    assert "success" in listed
    assert "\\x1b[2Jbye\\x9b" in shown
    assert "\x1b" not in listed + shown
    assert all(len(line) <= 80 for line in listed.splitlines())


def test_control_c_at_a_question_starts_a_new_line(program: Program) -> None:
    shown = on_a_terminal(program, "jobs", "delete", "backup", interrupt_at=b"[y/N]: ")

    assert shown.replace("\r", "").endswith("[y/N]: \nInterrupted.\n")


def test_an_argument_that_is_no_text_is_a_usage_error(api: Api, program: Program) -> None:
    result = program.run("jobs", "create", "x", "--schedule", "@daily", "--command", os.fsdecode(b"\xff"))

    assert result.returncode == 2
    assert "is not UTF-8" in result.stderr
    assert api.seen == []


def test_without_an_output_the_exit_code_still_tells(program: Program) -> None:
    process = program.start(["jobs", "get", "nope"], command=["sh", "-c", 'exec "$0" "$@" >&- 2>&-', *COMMAND])

    assert process.wait(30) == 3


def test_output_that_the_terminal_cannot_encode_is_spelled_out(api: Api, program: Program) -> None:
    api.runs = [a_run(1, "caf\u00e9 \U0001f642")]

    process = program.start(["runs", "show", a_run(1)["run_id"]], {"PYTHONIOENCODING": "latin-1"})

    assert b"caf\xe9 \\U0001f642\n" in process.communicate(timeout=30)[0]
    assert process.returncode == 0


def test_a_long_result_goes_through_the_pager_on_a_terminal_only(api: Api, program: Program) -> None:
    api.runs = [a_run(1, "hello")]
    pager = {"CRONTOPUS_PAGER": "sed s/^/paged:/"}

    on_terminal = on_a_terminal(program, "runs", "show", a_run(1)["run_id"], environ=pager)
    without = on_a_terminal(program, "runs", "show", a_run(1)["run_id"], "--no-pager", environ=pager)
    on_pipe = program.run("runs", "show", a_run(1)["run_id"], **pager)

    assert "paged:hello" in on_terminal
    assert "paged:Status" in on_terminal
    assert "paged:" not in without + on_pipe.stdout


def test_a_pager_that_does_not_start_hides_nothing(api: Api, program: Program) -> None:
    api.runs = [a_run(1, "hello")]

    shown = on_a_terminal(program, "runs", "show", a_run(1)["run_id"], environ={"PAGER": "/nonexistent/pager"})

    assert "cannot start the pager" in shown
    assert "hello" in shown


def test_a_pager_that_is_left_early_is_no_error(api: Api, program: Program) -> None:
    api.runs = [a_run(1, "x" * 500_000)]

    shown = on_a_terminal(program, "runs", "show", a_run(1)["run_id"], environ={"PAGER": "head -1"})

    assert "Status" in shown
    assert "Error" not in shown


def test_control_c_in_a_pager_is_the_pagers(api: Api, program: Program) -> None:
    api.runs = [a_run(1, "hello")]
    pager = {"PAGER": "sh -c 'trap : INT; cat; sleep 0.3; echo after'"}

    shown = on_a_terminal(program, "runs", "show", a_run(1)["run_id"], interrupt_at=b"hello", environ=pager)

    assert shown.rstrip().endswith("after")
    assert "Error" not in shown


def test_a_watch_on_a_terminal_is_a_table_until_control_c(api: Api, program: Program) -> None:
    api.runs = [a_run(1)]

    shown = on_a_terminal(program, "runs", "watch", interrupt_at=b"success")

    assert "STATUS" in shown
    assert shown.rstrip().endswith("Interrupted.")


def test_a_watch_on_a_pipe_ends_with_130(api: Api, program: Program) -> None:
    api.runs = [a_run(1)]
    process = program.start(["runs", "watch", "-o", "name"], text=True)
    assert process.stdout

    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)

    assert (first.strip(), process.wait(30)) == (a_run(1)["run_id"], 130)
    process.communicate()
