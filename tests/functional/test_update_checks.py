"""What the running agent does by itself about releases: nothing, tell, or take them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent import trial
from agent.installed import Installation
from agent.trial import Trial
from agent.updating import CHECK_AGAIN, CHECK_EVERY
from tests.fixtures.release_shelf import Shelf, serving
from tests.fixtures.updates import NEWER, Board, updating, versioned

NOW = datetime.now(UTC)


class Plane:
    """A control plane that knows where releases lie."""

    url = "https://api.example.org"

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def release(self) -> dict[str, str]:
        return {"url": self.shelf.url}


@pytest.fixture
def shelf(tmp_path) -> Iterator[Shelf]:
    (tmp_path / "shelf").mkdir()
    with serving(tmp_path / "shelf") as shelf:
        yield shelf


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    place = Installation(tmp_path / "prefix", "a" * 64)
    place.own.mkdir(parents=True)
    place.switch(place.folder)
    return place


@pytest.fixture
def well() -> Board:
    board = Board()
    for name in ("heartbeat", "sync"):
        board.worked(name, NOW + CHECK_AGAIN)
    return board


def looked(place: Installation, board: Board, shelf: Shelf, mode: str, after: timedelta = CHECK_AGAIN):
    run = updating(place, None, NOW, mode)
    run.now = lambda: NOW + after
    run.look(board, Plane(shelf))
    return run


def test_off_asks_nobody(place, well, shelf):
    looked(place, well, shelf, "off")

    assert shelf.asked == []


def test_notify_tells_and_takes_nothing(place, well, shelf):
    shelf.put(NEWER, b"an agent")

    run = looked(place, well, shelf, "notify")

    assert (well.available, shelf.asked, run.stop.is_set()) == (NEWER, ["/stable.json"], False)


def test_auto_takes_it_and_makes_room(place, well, shelf):
    shelf.put(NEWER, versioned(NEWER))

    run = looked(place, well, shelf, "auto")

    assert run.is_restart_wanted
    assert trial.find(place).version == NEWER
    assert place.current() != place.folder


def test_auto_leaves_the_version_that_is_there(place, well, shelf):
    shelf.put("0.1.0", b"an agent")

    run = looked(place, well, shelf, "auto")

    assert (well.available, run.is_restart_wanted, well.errors) == (None, False, [])


def test_auto_takes_nothing_while_it_could_not_show_that_it_works(place, shelf):
    shelf.put(NEWER, versioned(NEWER))

    assert not looked(place, Board(), shelf, "auto").is_restart_wanted


def test_auto_does_not_take_again_what_was_taken_back(place, well, shelf):
    begun = Trial("b" * 64, place.folder, NEWER, "0.1.0")
    trial.settle(place, begun, "rolled_back", NOW, "it failed")
    shelf.put(NEWER, versioned(NEWER))

    assert not looked(place, well, shelf, "auto").is_restart_wanted

    shelf.put("0.2.1", versioned("0.2.1"))
    assert looked(place, well, shelf, "auto").is_restart_wanted


def test_a_refusal_is_written_down_and_asked_again_in_an_hour(place, well, shelf):
    shelf.put(NEWER, b"an agent", days=-1)

    run = looked(place, well, shelf, "auto")

    assert well.errors == ["update_expired"]
    assert run.check_at == NOW + CHECK_AGAIN * 2


@pytest.mark.parametrize(("chance", "first", "then"), [(0.0, 0.0, 0.75), (0.5, 0.5, 1.0), (1.0, 1.0, 1.25)])
def test_a_fleet_does_not_ask_in_the_same_second(place, well, shelf, chance, first, then):
    shelf.put("0.1.0", b"an agent")
    run = updating(place, None, NOW, "notify", chance)

    assert run.check_at == NOW + CHECK_AGAIN * first
    run.now = lambda: NOW + CHECK_AGAIN
    run.look(well, Plane(shelf))
    assert run.check_at == NOW + CHECK_AGAIN + CHECK_EVERY * then
