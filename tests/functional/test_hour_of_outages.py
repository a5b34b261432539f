"""An hour in which API, forge and disk fail in turn, a run a minute; and clocks that jump, and a machine that sleeps."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.client import Api
from agent.config import Config, Intervals, Remote
from agent.daemon import Heartbeat
from agent.delivering import Deliveries
from agent.fate import Fate
from agent.home import Home
from agent.parts import main_parts
from agent.report import Delivery
from agent.status import StatusBoard
from agent.sync import Sync
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.ids import uuid7_time
from chalicelib.domain.times import to_millis, to_text
from tests.fixtures import spooled
from tests.fixtures.simulated import BEGAN, Session, Turns, World, broken, hang, page, refuse
from tests.fixtures.spooled import Spooled, run_id

CONFIG = Config(
    "http://127.0.0.1:1", "ep-1", "web-1", Remote("http://127.0.0.1:1/x.git", "main", "u"), intervals=Intervals(30, 30, 1)
)
MINUTE, HOUR = 60, 3600


class Rounds:
    """Rounds that find the forge down, or nothing to do."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.is_down = False
        self.tries = 0

    def round(self) -> Any:
        self.tries += 1
        raise Unavailable("the forge is down" if self.is_down else "not part of this test", code="git_unavailable")


class Host:
    """A machine with its agent, in simulated time. full: the disk takes no new file."""

    def __init__(self, folder: Path, world: World) -> None:
        self.world = world
        self.home = Home(folder / "D")
        (self.home.directory / "spool").mkdir(parents=True)
        (self.home.directory / "agent-token").write_text("cte_x")
        self.base = folder / "shm"
        self.base.mkdir(mode=0o700)
        self.rounds = Rounds(world)
        self.is_full = False
        self.written: dict[str, datetime] = {}

    @property
    def spool(self) -> Path:
        return self.home.directory / "spool"

    def shelter(self) -> Path:
        about = self.home.directory.stat()
        folder = self.base / f"crontopus-{os.geteuid()}" / f"{about.st_dev}-{about.st_ino}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.parent.chmod(0o700)
        return folder

    def run(self, **facts: Any) -> None:
        """Let a job run now, by the machine's clock; its result is written where there is room."""
        number = to_millis(self.world.now()) - spooled.STARTED_MS
        Spooled(self.shelter() if self.is_full else self.spool).ended(number, b"x" * 100, **facts)
        self.written[run_id(number)] = self.world.now()

    def turns(self, happen: Callable[[int], None] = lambda second: None) -> Turns:
        world, board, home = self.world, StatusBoard(self.home.status), self.home

        def api() -> Api:
            return Api("http://127.0.0.1:1", "cte_x", Session(world))

        def deliver_from(folder: Path) -> Delivery:
            return Delivery(folder, "ep-1", api().check_in, clock=world.clock, chance=lambda: 0.5)

        delivery = Deliveries(home, CONFIG, lambda: "cte_x", fate_of(home, world).why_silent)
        delivery.main = deliver_from(self.spool)
        delivery.main.elsewhere = delivery.shelters.folders
        delivery.shelters.bases, delivery.shelters.deliver_from = (str(self.base),), deliver_from
        beat = Heartbeat(CONFIG, api(), delivery, board, {"PATH": "/nowhere"}, world.now).beat
        sync: Sync = self.rounds  # type: ignore[assignment]
        return Turns(world, main_parts(home, CONFIG, board, beat, sync, delivery, fate_of(home, world), world.now), happen)


def fate_of(home: Home, world: World) -> Fate:
    return Fate(home.ended, lambda: "cte_x", clock=world.clock)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def host(tmp_path: Path, world: World) -> Host:
    return Host(tmp_path, world)


@pytest.fixture
def immutable() -> Iterator[Callable[[Path, bool], None]]:
    """Makes a folder unwritable, for root too, and writable again."""
    done: list[Path] = []

    def make(folder: Path, yes: bool) -> None:
        done.append(folder)
        if os.system(f"chattr {'+' if yes else '-'}i {folder} 2>/dev/null"):  # noqa: S605
            pytest.skip("needs root and a file system that knows +i")

    yield make
    for folder in done:
        os.system(f"chattr -i {folder} 2>/dev/null")  # noqa: S605


def check_all_arrived(host: Host) -> None:
    """Every run is there once, with its own moments, and nothing is left behind."""
    server = host.world.server
    assert server.runs.keys() == host.written.keys()
    for id_, at in host.written.items():
        run = server.runs[id_]
        assert (run.started_at, run.finished_at) == (at, at + timedelta(milliseconds=41))
    assert list(host.spool.iterdir()) == []
    assert host.world.beats[-1]["spool_depth"] == 0


def test_an_hour_in_which_everything_fails_in_turn_loses_and_doubles_nothing(
    host: Host, world: World, immutable: Callable[[Path, bool], None]
):
    faults = [broken(500), hang, refuse, broken(429, Retry_After="45"), page, broken(503, Retry_After="20")]

    def happen(second: int) -> None:
        if second % (10 * MINUTE) == 0 and second <= HOUR:
            phase = second // (10 * MINUTE)
            world.fault = faults[phase] if phase < 6 else None
            host.is_full = phase == 4
            host.rounds.is_down = 1 <= phase <= 3
        if second in (50 * MINUTE + 30, 58 * MINUTE):
            immutable(host.spool, second < 58 * MINUTE)
        if 50 * MINUTE + 30 <= second < 58 * MINUTE:
            host.is_full = True
        elif second > 58 * MINUTE:
            host.is_full = False
        if second % MINUTE == 30 and second < HOUR:
            host.run(status="failure" if second % 7 else "success", exit_code=1 if second % 7 else 0)

    turns = host.turns(happen)
    turns.go_on_until(HOUR)
    during = world.count("/check-in"), world.count("/heartbeat"), host.rounds.tries
    assert len(host.written) == 60
    assert world.server.runs == {}
    turns.go_on_until(HOUR + 6 * MINUTE)

    check_all_arrived(host)
    assert during[0] <= 2 * HOUR / 20  # from both places, once in 20 seconds at most
    assert during[1] <= 30
    assert during[2] <= HOUR / 30
    first = world.server.batches[0]
    assert first == sorted(first)
    assert len(world.server.batches) <= 6  # 60 runs in batches of 25, from two places
    assert max(len(batch) for batch in world.server.batches) == 25


@pytest.mark.parametrize("fault", [refuse, hang, broken(429, Retry_After="60"), broken(401)])
def test_after_each_kind_of_outage_sixty_runs_arrive_oldest_first(host: Host, world: World, fault: Any):
    world.fault = fault

    def happen(second: int) -> None:
        if second % MINUTE == 30 and second < HOUR:
            host.run(status="failure", exit_code=1)
        if second == HOUR:
            world.fault = None

    turns = host.turns(happen)
    turns.go_on_until(2 * HOUR + 10 * MINUTE)

    check_all_arrived(host)
    sent = [id_ for batch in world.server.batches for id_ in batch]
    assert sent == sorted(host.written)
    assert len(world.server.batches) <= 4


def test_while_results_wait_the_heartbeat_says_since_when(host: Host, world: World):
    def happen(second: int) -> None:
        if second % MINUTE == 30 and second < 10 * MINUTE:
            host.run(status="failure", exit_code=1)
        world.fault = broken(503) if second < 15 * MINUTE else None

    world.fault_at = "/check-in"
    host.turns(happen).go_on_until(17 * MINUTE)

    waiting = [beat for beat in world.beats if beat["spool_depth"]]
    oldest = min(host.written)
    assert {beat["oldest_unsent_at"] for beat in waiting} == {to_text(uuid7_time(oldest))}
    assert max(beat["spool_depth"] for beat in waiting) == 10
    assert (world.beats[-1]["spool_depth"], world.beats[-1]["oldest_unsent_at"]) == (0, None)


@pytest.mark.parametrize("jump", [timedelta(hours=2), timedelta(days=-1), timedelta(days=40)])
def test_a_clock_that_jumps_delays_no_result_and_changes_no_moment(host: Host, world: World, jump: timedelta):
    def happen(second: int) -> None:
        if second == 5 * MINUTE:
            world.wall_offset = jump
        if second % MINUTE == 30 and second < 10 * MINUTE:
            host.run(status="failure", exit_code=1)

    host.turns(happen).go_on_until(10 * MINUTE + 30)

    check_all_arrived(host)
    assert world.count("/check-in") == 10
    received = {run_id: index for index, batch in enumerate(world.server.batches) for run_id in batch}
    assert [received[id_] for id_ in host.written] == sorted(received.values())


def test_a_clock_set_back_does_not_hide_a_run_that_goes_on(host: Host, world: World):
    number = to_millis(world.now()) - spooled.STARTED_MS
    me = dict(zip(("pid", "pid_start", "boot_id"), (os.getpid(), None, None), strict=True))
    Spooled(host.spool).begun(number, **me)
    world.wall_offset = timedelta(days=-1)

    host.turns().go_on_until(2 * MINUTE)

    assert world.server.runs[run_id(number)].status == "running"


def test_a_machine_that_slept_for_eight_hours_delivers_what_it_had_and_goes_on(host: Host, world: World):
    """The monotonic clock stands still while a machine sleeps; its own goes on."""
    world.fault = refuse
    host.run(status="failure", exit_code=1)
    turns = host.turns()
    turns.go_on_until(MINUTE)

    world.wall_offset = timedelta(hours=8)
    world.fault = None
    host.run(status="failure", exit_code=1)
    turns.go_on_until(3 * MINUTE)

    check_all_arrived(host)
    assert world.now() - BEGAN > timedelta(hours=8)
    assert len(world.server.batches) == 1
