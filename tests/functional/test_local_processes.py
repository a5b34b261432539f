"""Background processes of the stack: found again, stopped, and never mistaken for somebody else's."""

import json
import os
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.kept_secrets import KeptSecrets
from infra.local.processes import Processes, identity
from infra.local.stopped import Stopped
from tests.fixtures.waiting import until

SLEEPER = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)",
]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(tmp_path / "run", tmp_path / "logs")
    yield processes
    processes.stop("it", grace_s=0.1)


def start(processes: Processes, command: list[str]) -> int:
    pid = processes.start("it", command, dict(os.environ))
    processes.wait_ready("it", lambda: "ready" in processes.log_end("it"))
    return pid


def test_a_started_process_is_found_by_the_next_one_who_looks(processes: Processes, tmp_path: Path):
    pid = start(processes, SLEEPER)

    assert Processes(tmp_path / "run", tmp_path / "logs").find("it") == pid


def test_a_stopped_process_is_gone_and_stopping_again_is_no_error(processes: Processes):
    pid = start(processes, SLEEPER)

    assert [processes.stop("it"), processes.stop("it")] == [True, False]
    assert identity(pid) is None


def test_one_that_does_not_listen_is_killed(processes: Processes):
    pid = start(processes, STUBBORN)

    processes.stop("it", grace_s=0.2)

    assert identity(pid) is None


def test_a_killed_process_is_not_found(processes: Processes):
    pid = start(processes, SLEEPER)
    os.kill(pid, signal.SIGKILL)

    until(lambda: processes.find("it") is None, "it is not found any more")


def test_a_process_that_got_the_number_later_is_left_alone(processes: Processes, tmp_path: Path):
    note = tmp_path / "run" / "it.json"
    note.parent.mkdir()
    note.write_text(json.dumps({"pid": os.getpid(), "identity": "1@another-boot"}))

    assert processes.find("it") is None
    assert processes.stop("it") is False


@pytest.mark.parametrize("text", ["", "{", "[]x"])
def test_a_broken_note_is_no_process(processes: Processes, tmp_path: Path, text: str):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "it.json").write_text(text)

    assert processes.find("it") is None


def test_one_that_dies_at_once_says_its_last_words(processes: Processes):
    processes.start("it", [sys.executable, "-c", "raise SystemExit('no such port')"], dict(os.environ))

    with pytest.raises(Stopped, match="no such port"):
        processes.wait_ready("it", lambda: False)


def test_what_it_writes_is_for_its_owner_alone(processes: Processes):
    start(processes, SLEEPER)

    assert stat.S_IMODE(processes.log("it").parent.stat().st_mode) == 0o700


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path):
    kept = KeptSecrets(tmp_path / "secrets")

    first, again = kept.demo_tenant(), KeptSecrets(tmp_path / "secrets").demo_tenant()

    assert first == again
    assert stat.S_IMODE(kept.path("demo-tenant.json").stat().st_mode) == 0o600
