"""Results that run-job had to write elsewhere reach the server; a spool that cannot be written stops nobody."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent import shelters, spool
from agent.config import Config, Remote
from agent.delivering import Deliveries
from agent.home import Home
from agent.report import Delivery
from agent.shelters import Shelters
from agent.wrapper import run_shelter
from tests.fixtures.check_ins import Clock, Server
from tests.fixtures.spooled import STARTED_MS, Spooled, run_id

NOW = datetime(2026, 2, 2, 12, 0, 30, tzinfo=UTC)
UID = os.geteuid()


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "shm"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "D" / "spool").mkdir(parents=True)
    return tmp_path / "D"


@pytest.fixture
def shelter(base: Path, home: Path) -> Spooled:
    """The folder that run-job makes."""
    about = home.stat()
    (base / f"crontopus-{UID}").mkdir(mode=0o700)
    return Spooled(base / f"crontopus-{UID}" / f"{about.st_dev}-{about.st_ino}")


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def found(home: Path, base: Path, server: Server, clock: Clock) -> Shelters:
    def deliver_from(folder: Path) -> Delivery:
        return Delivery(folder, "endpoint-1", server.check_in, clock=clock, chance=lambda: 0.0)

    return Shelters(home, deliver_from, bases=("/no/such/place", str(base)))


@pytest.fixture
def read_only() -> Iterator[Callable[[Path], None]]:
    """Takes the right to write to a folder away, from us too: root's rights are those of a folder's flags."""
    closed: list[Path] = []

    def close(folder: Path) -> None:
        if os.system(f"chattr +i {folder} 2>/dev/null"):  # noqa: S605
            pytest.skip("needs root and a file system that knows +i")
        closed.append(folder)

    yield close
    for folder in closed:
        os.system(f"chattr -i {folder}")  # noqa: S605


def test_agent_and_run_job_mean_the_same_places():
    assert shelters.BASES == run_shelter.SHELTERS


def test_a_sheltered_result_is_delivered_and_cleared_away(found: Shelters, shelter: Spooled, server: Server):
    shelter.ended(1, b"out\n", status="failure", exit_code=1)
    (shelter.path / "lost-results").write_text("..")

    (before,) = found.backlogs()
    found.deliver_once(NOW)

    assert (before.depth, before.lost) == (1, 2)
    assert server.runs[run_id(1)].output == "out\n"
    assert shelter.names() == {"lost-results"}


def test_where_there_is_no_shelter_nothing_is_sent(found: Shelters, server: Server):
    step = found.deliver_once(NOW)

    assert (step.sent, step.problem, server.batches, found.backlogs()) == (0, None, [], [])


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o707])
def test_a_folder_that_others_may_enter_is_not_looked_into(found: Shelters, shelter: Spooled, server: Server, mode: int):
    shelter.ended(1, status="failure", exit_code=1)
    shelter.path.parent.chmod(mode)

    found.deliver_once(NOW)

    assert server.batches == []


def test_a_folder_of_somebody_elses_or_behind_a_link_is_not_looked_into(found: Shelters, shelter: Spooled, server: Server):
    shelter.ended(1, status="failure", exit_code=1)
    real = shelter.path.parent.rename(shelter.path.parents[2] / "real")
    shelter.path.parent.symlink_to(real)
    assert found.folders() == []

    shelter.path.parent.unlink()
    real.rename(shelter.path.parent)
    assert len(found.folders()) == 1
    if UID == 0:
        os.chown(shelter.path.parent, 4711, 4711)
        assert found.folders() == []


def test_a_run_whose_end_lies_in_the_shelter_is_no_killed_run(home: Path, found: Shelters, shelter: Spooled, server: Server):
    Spooled(home / "spool").begun(1)
    shelter.ended(1)
    delivery = Delivery(home / "spool", "endpoint-1", server.check_in, process_alive=lambda *_: False, elsewhere=found.folders)

    delivery.deliver_once(NOW)

    assert server.batches == []


def test_a_guess_that_the_server_knows_better_is_dropped(home: Path, server: Server, clock: Clock):
    spooled = Spooled(home / "spool")
    spooled.ended(1)
    delivery = Delivery(home / "spool", "endpoint-1", server.check_in, clock=clock, process_alive=lambda *_: False)
    while not delivery.deliver_once(NOW).sent:
        clock.at += 1
    spooled.begun(1)

    delivery.deliver_once(NOW)

    assert server.runs[run_id(1)].status == "success"
    assert spooled.names() == set()


def test_once_the_disk_takes_files_again_results_go_home(home: Path, found: Shelters, shelter: Spooled):
    shelter.ended(1, b"out\n")
    shelter.begun(2)

    moved = found.move_back(home / "spool", at=100.0)

    names = {path.name for path in (home / "spool").iterdir()}
    assert (moved, names) == (1, {f"{run_id(1)}.end.json", f"{run_id(1)}.out"})
    assert shelter.names() == {".start.json"}
    assert found.move_back(home / "spool", at=159.0) == 0


def test_while_the_disk_is_full_they_stay_where_they_are(home: Path, found: Shelters, shelter: Spooled):
    shelter.ended(1)
    (home / "spool").rmdir()

    assert found.move_back(home / "spool", at=0.0) == 0
    assert shelter.names() == {".end.json"}


def test_a_run_in_both_places_counts_once(home: Path, found: Shelters, shelter: Spooled, server: Server, clock: Clock):
    for spooled in (shelter, Spooled(home / "spool")):
        spooled.ended(1, b"out\n", status="failure", exit_code=1)

    found.deliver_once(NOW)
    Delivery(home / "spool", "endpoint-1", server.check_in, clock=clock).deliver_once(NOW)

    assert (len(server.batches), len(server.runs)) == (2, 1)
    assert list((home / "spool").iterdir()) == []


def test_a_read_only_spool_is_delivered_once_and_new_results_after_it(
    home: Path, server: Server, clock: Clock, read_only: Callable[[Path], None]
):
    spooled = Spooled(home / "spool")
    for number in range(30):
        spooled.ended(number, status="failure", exit_code=1)
    spooled.ended(30, output_bytes="many")
    read_only(home / "spool")
    delivery = Delivery(home / "spool", "endpoint-1", server.check_in, clock=clock, chance=lambda: 0.0)

    for _ in range(10):
        delivery.deliver_once(NOW)
        clock.at += 1

    assert [len(batch) for batch in server.batches] == [25, 5]
    assert delivery.backlog().depth == 1  # the damaged one; what was confirmed waits for nobody
    assert any("30 runs are done with" in problem for problem in delivery.problems(delivery.backlog()))


def test_a_spool_that_can_be_written_again_is_cleared(
    home: Path, server: Server, clock: Clock, read_only: Callable[[Path], None]
):
    spooled = Spooled(home / "spool")
    spooled.ended(1, status="failure", exit_code=1)
    server.refuses = lambda run: run["run_id"] == run_id(2)
    spooled.ended(2, status="failure", exit_code=1)
    read_only(home / "spool")
    delivery = Delivery(home / "spool", "endpoint-1", server.check_in, clock=clock)
    delivery.deliver_once(NOW)

    os.system(f"chattr -i {home / 'spool'}")  # noqa: S605
    clock.at += 61
    delivery.deliver_once(NOW)

    assert len(server.batches) == 1
    assert {path.name for path in (home / "spool").rglob("*")} == {"quarantine", f"{run_id(2)}.end.json.bad"}


def test_too_many_open_files_put_nothing_in_quarantine(home: Path, monkeypatch: pytest.MonkeyPatch):
    spooled = Spooled(home / "spool")
    spooled.ended(1)

    def refuse(path: Path) -> bytes:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="Too many"):
        patched.setattr(Path, "read_bytes", refuse)
        spool.list_records(spooled.path, STARTED_MS, lambda *_: True)

    assert spooled.names() == {".end.json"}


def test_each_place_is_asked_before_a_run_of_the_other_is_taken_for_killed(home: Path):
    config = Config("https://example.org", "ep-1", "web-1", Remote("https://example.org/x.git", "main", "u"))
    deliveries = Deliveries(Home(home), config, lambda: "cte_x")

    assert list(deliveries.shelters.deliver_from(home / "shm").elsewhere()) == [home / "spool"]
    assert deliveries.main.elsewhere == deliveries.shelters.folders
