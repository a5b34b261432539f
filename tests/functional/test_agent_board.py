import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.outcome import Report
from agent.report import Delivered
from agent.status import StatusBoard
from chalicelib.domain.errors import Stalled, Unavailable

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
DOWN = Unavailable("down", code="git_unavailable")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "status.json"


def test_a_success_clears_the_error_and_leaves_the_rest(path: Path) -> None:
    board = StatusBoard(path)
    board.failed("sync", DOWN, NOON)
    board.synced(Report(at=LATER, head="a" * 40, applied="a" * 40, managed=2))

    sync = json.loads(path.read_text())["sync"]
    assert (sync["error"], sync["managed"], sync["succeeded_at"]) == (None, 2, "2026-11-20T12:05:00.000Z")


def test_an_error_that_goes_on_keeps_the_moment_it_began(path: Path) -> None:
    board = StatusBoard(path)
    board.failed("sync", DOWN, NOON)
    board.failed("sync", Unavailable("down", code="git_unavailable"), LATER)

    error = board.part("sync")["error"]
    assert (error["since"], error["at"]) == ("2026-11-20T12:00:00.000Z", "2026-11-20T12:05:00.000Z")


def test_drift_is_remembered_after_it_was_healed(path: Path) -> None:
    board = StatusBoard(path)
    board.synced(Report(at=NOON, head="a", applied="a", managed=1, drift=("j",)))
    board.synced(Report(at=LATER, head="a", applied="a", managed=1))

    assert board.part("sync")["drift"]["jobs"] == ["j"]


def test_held_removals_are_told_with_what_to_do_and_forgotten_once_approved(path: Path) -> None:
    board = StatusBoard(path)
    held = Stalled("3 of 3", code="empty_repository")
    board.synced(Report(at=NOON, head="a", applied=None, managed=3, held=held, held_ids=("x", "y", "z")))

    assert "--allow-removals" in board.part("sync")["held_why"]["remedy"]
    board.synced(Report(at=LATER, head="a", applied="a", managed=0))
    assert (board.part("sync")["held"], board.part("sync")["held_why"]) == ([], None)


def test_what_an_earlier_process_knew_is_still_known(path: Path) -> None:
    StatusBoard(path).synced(Report(at=NOON, head="a", applied="a", managed=1))

    assert StatusBoard(path).part("sync")["managed"] == 1


def test_a_step_of_delivery_that_changes_nothing_writes_nothing(path: Path) -> None:
    board = StatusBoard(path)
    board.delivered(Delivered(0, 1.0), NOON)
    assert not path.exists()

    board.delivered(Delivered(0, 5.0, DOWN), NOON)
    before = path.stat().st_mtime_ns
    board.delivered(Delivered(0, 4.0, DOWN), LATER)
    assert path.stat().st_mtime_ns == before

    board.delivered(Delivered(2, 0.0), LATER)
    assert board.part("delivery")["error"] is None


def test_a_status_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    board = StatusBoard(tmp_path / "gone" / "status.json")

    board.failed("sync", DOWN, NOON)

    assert board.part("sync")["error"]["code"] == "git_unavailable"
