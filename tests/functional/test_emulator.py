"""The embedded AWS with what its launcher adds. One test for each thing that the launcher touches inside ministack."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.emulator import MINISTACK_VERSION
from infra.local.layout import EMULATOR_VENV
from infra.local.services import EMULATOR
from infra.local.stopped import Stopped
from tests.fixtures.emulators import Running
from tests.fixtures.waiting import until

RUNS = "crontopus-local-runs"
TOKENS = "crontopus-local-tokens"


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.processes.stop(EMULATOR)


def test_the_environment_holds_the_version_that_the_launcher_knows():
    code = "import importlib.metadata; print(importlib.metadata.version('ministack'))"
    installed = subprocess.run([EMULATOR_VENV / "bin" / "python", "-c", code], capture_output=True, text=True, check=True)

    assert installed.stdout.strip() == MINISTACK_VERSION


def test_another_version_is_refused():
    command = [sys.executable, "-c", "from infra.local.emulator import check_version; check_version('0.0.1')"]

    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 1
    assert f"knows ministack {MINISTACK_VERSION}, installed is 0.0.1" in done.stderr


def test_a_clean_stop_keeps_everything(emulator: Running):
    emulator.start(checkpoint_every_s=3600)
    emulator.deploy()
    emulator.put(TOKENS, "kept")

    emulator.processes.stop(EMULATOR)
    emulator.start(checkpoint_every_s=3600)

    assert emulator.ids(TOKENS) == {"kept"}
    assert emulator.deploy() == "unchanged"


def test_a_kill_costs_no_more_than_since_the_last_checkpoint(emulator: Running):
    emulator.start(checkpoint_every_s=0.2)
    emulator.deploy()
    emulator.put(TOKENS, "kept")
    emulator.await_checkpoint()

    emulator.kill()
    emulator.start(checkpoint_every_s=3600)

    assert emulator.ids(TOKENS) == {"kept"}
    assert emulator.deploy() == "unchanged"


def test_a_kill_before_the_first_checkpoint_leaves_a_cloud_to_deploy_to(emulator: Running):
    emulator.start(checkpoint_every_s=3600)
    emulator.deploy()

    emulator.kill()
    emulator.start(checkpoint_every_s=3600)

    assert emulator.deploy() == "created"
    assert emulator.ask("/health").json()["version"] == 1


def test_a_checkpoint_under_writes_is_one_moment_of_all_tables(emulator: Running):
    emulator.start(checkpoint_every_s=0.05)
    emulator.deploy()
    written: list[int] = []
    is_over = threading.Event()

    def write_in_order() -> None:
        while not is_over.is_set():
            emulator.put(TOKENS, f"{len(written):06d}")
            emulator.put(RUNS, f"{len(written):06d}")
            written.append(len(written))

    writer = threading.Thread(target=write_in_order)
    writer.start()
    until(lambda: len(written) > 300, "300 pairs are written")
    is_over.set()
    writer.join()
    emulator.kill()
    emulator.start(checkpoint_every_s=3600)

    tokens, runs = emulator.ids(TOKENS), emulator.ids(RUNS)
    assert len(runs) > 0
    assert len(tokens) - len(runs) in (0, 1)
    assert tokens == {f"{n:06d}" for n in range(len(tokens))}


def test_a_function_runs_after_a_kill_that_followed_a_new_release(emulator: Running):
    emulator.start(checkpoint_every_s=0.2)
    emulator.deploy(version=1)
    emulator.await_checkpoint()
    assert emulator.deploy(version=2) == "updated"
    emulator.await_checkpoint()

    emulator.kill()
    emulator.start(checkpoint_every_s=3600)

    answer = emulator.ask("/health")
    assert answer.json().get("version") == 2, answer.text


def test_a_stream_is_followed_again_after_a_restart(emulator: Running):
    emulator.start(checkpoint_every_s=3600)
    emulator.deploy()
    for number in range(5):
        emulator.put(RUNS, f"before-{number}")
    until(lambda: "followed before-4" in emulator.functions_log(), "the stream is followed")

    emulator.processes.stop(EMULATOR)
    emulator.start(checkpoint_every_s=3600)
    emulator.put(RUNS, "after")

    until(lambda: "followed after" in emulator.functions_log(), "the stream is followed again")


def test_a_batch_of_a_stream_in_which_an_item_failed_is_given_again(emulator: Running):
    emulator.start(checkpoint_every_s=3600)
    emulator.deploy()

    emulator.put(RUNS, "later-1")

    until(lambda: "followed later-1" in emulator.functions_log(), "the item is given again")


def test_what_functions_print_is_in_their_log(emulator: Running):
    emulator.start(checkpoint_every_s=3600)
    emulator.deploy()

    emulator.ask("/api/anything")

    line = until(lambda: [x for x in emulator.functions_log().splitlines() if "/api/anything" in x], "a line")[0]
    assert line.endswith('{"message": "asked", "path": "/api/anything"}')


def test_one_folder_has_one_emulator(emulator: Running):
    emulator.start(checkpoint_every_s=3600)
    other = Running(emulator.folder, notes=emulator.folder / "other")

    with pytest.raises(Stopped, match="another emulator"):
        other.start(checkpoint_every_s=3600)


def test_a_function_sends_mails_from_the_address_that_its_policy_names(emulator: Running):
    emulator.start(checkpoint_every_s=3600)
    emulator.deploy()

    allowed, refused = emulator.ask("/api/mail-from/no-reply"), emulator.ask("/api/mail-from/admin")

    assert allowed.status_code == 200, allowed.text
    assert (refused.status_code, "ses:SendEmail" in refused.json()["text"]) == (403, True)
