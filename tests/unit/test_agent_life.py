"""The agent's main thread: what the service manager hears, and what a reload does."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from agent.config import Config, Remote
from agent.life import LOOK_EVERY_S, Life, Wishes, words
from agent.loop import Part
from agent.notify import Notifier
from agent.status import StatusBoard
from chalicelib.domain.errors import Stalled, Unavailable

NOW = datetime(2026, 11, 20, tzinfo=UTC)
CONFIG = Config("https://a", "ep", "n", Remote("https://g", "main", "u"))


class Told(Notifier):
    """Notes what is said."""

    def __init__(self, ping_every_s: float | None = 30) -> None:
        super().__init__({})
        self.ping_every_s = ping_every_s
        self.said: list[str] = []

    def _send(self, *lines: str) -> None:
        self.said.append(lines[0])


class Board:
    """As much of StatusBoard as is asked here."""

    def __init__(self) -> None:
        self.parts: dict[str, Any] = {}

    def part(self, name: str) -> dict[str, Any]:
        return dict(self.parts.get(name, {}))

    def failed(self, name: str, error: Exception, now: datetime) -> None:
        self.parts[name] = {"error": {"code": "config", "message": str(error)}}

    def cleared(self, name: str) -> None:
        self.parts.pop(name, None)


class Play:
    """A life whose clock, parts and configuration are ours."""

    def __init__(self, ping_every_s: float | None = 30, *, is_ended_when_stuck: bool = False) -> None:
        self.now = 0.0
        self.configs: list[Config | Exception] = []
        self.built: list[Config] = []
        self.notifier = Told(ping_every_s)
        self.board = Board()
        self.life = Life(
            self.parts_of, self.load, cast(StatusBoard, self.board), self.notifier, Wishes(), lambda: NOW,
            is_ended_when_stuck=is_ended_when_stuck, clock=lambda: self.now,
        )  # fmt: skip

    def parts_of(self, config: Config) -> list[Part]:
        self.built.append(config)
        return []

    def load(self) -> Config:
        found = self.configs.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def look(self, stuck: list[str], after_s: float = 30) -> None:
        self.now += after_s
        self.life.crew.stuck = lambda: stuck  # type: ignore[method-assign]
        self.life.look()


def test_it_says_that_it_is_ready_and_that_it_stops() -> None:
    play = Play()
    play.life.wishes.stop.set()
    play.life.live(CONFIG)

    assert play.notifier.said == ["READY=1", "STOPPING=1"]


def test_the_watchdog_is_fed_while_all_parts_go_on_and_not_when_one_is_stuck() -> None:
    play = Play()
    play.look([])
    play.look(["sync hangs"])

    assert [line for line in play.notifier.said if line != "STATUS=0 jobs of commit none yet"] == [
        "WATCHDOG=1",
        "STATUS=sync hangs",
    ]


def test_it_looks_no_more_often_than_needed() -> None:
    play = Play()
    play.look([], after_s=LOOK_EVERY_S)
    play.look([], after_s=LOOK_EVERY_S - 0.1)
    play.look([], after_s=0.1)

    assert play.notifier.said.count("WATCHDOG=1") == 2


def test_an_impatient_watchdog_is_fed_in_time() -> None:
    play = Play(ping_every_s=0.5)
    play.look([], after_s=0.5)
    play.look([], after_s=0.5)

    assert play.notifier.said.count("WATCHDOG=1") == 2


@pytest.mark.parametrize(
    ("ping_every_s", "is_service", "is_ended"), [(None, True, True), (None, False, False), (30, True, False)]
)
def test_it_ends_by_itself_only_as_a_service_that_nobody_watches(ping_every_s, is_service, is_ended) -> None:
    play = Play(ping_every_s, is_ended_when_stuck=is_service)

    if is_ended:
        with pytest.raises(Unavailable, match="sync hangs"):
            play.look(["sync hangs"])
    else:
        play.look(["sync hangs"])


def test_a_reload_goes_on_with_the_new_configuration() -> None:
    play = Play()
    play.configs = [CONFIG]
    play.life.reload()

    assert play.built == [CONFIG]
    assert play.notifier.said == ["RELOADING=1", "READY=1"]


def test_a_broken_configuration_keeps_the_former_one_and_is_told_until_it_is_mended() -> None:
    play = Play()
    play.configs = [Stalled("config.yaml: unknown key", code="config"), CONFIG]
    play.life.reload()

    assert play.built == []
    assert "config: config.yaml: unknown key (config)" in words(cast(StatusBoard, play.board))
    play.life.reload()
    assert words(cast(StatusBoard, play.board)) == "0 jobs of commit none yet"


def test_the_board_clears_an_error_only_if_there_is_one(tmp_path: Path) -> None:
    board = StatusBoard(tmp_path / "status.json")
    board.cleared("config")

    assert not board.path.exists()
    board.failed("config", Stalled("no", code="config"), NOW)
    board.cleared("config")
    assert board.part("config")["error"] is None
