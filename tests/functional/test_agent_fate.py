"""What an agent does once it is told that its endpoint has ended, or that it is a copy."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.config import Config, Remote
from agent.delivering import Deliveries
from agent.fate import CONFIRMED_AFTER_S, Fate
from agent.home import Home
from agent.loop import Part, next_delay
from agent.parts import main_parts
from agent.schedulers.memory import MemoryTable
from agent.status import StatusBoard
from chalicelib.domain.errors import CrontopusError, Stalled, Unauthenticated, Unavailable
from tests.fixtures.check_ins import Clock, Server
from tests.fixtures.git_http import BareRepository, serving
from tests.fixtures.rounds import FOREIGN, Machine, manifests
from tests.fixtures.spooled import Spooled

NOW = datetime(2026, 2, 2, 12, 0, 30, tzinfo=UTC)
REVOKED = Stalled("this endpoint has been revoked", code="endpoint_revoked")
GONE = Stalled("this endpoint has been deleted", code="endpoint_gone")
COPY = Stalled("another machine already speaks", code="duplicate_instance")
CONFIG = Config("https://example.org", "ep-1", "web-1", Remote("https://example.org/x.git", "main", "u"))


class Beating:
    """A heartbeat that is answered with the next of these."""

    def __init__(self) -> None:
        self.errors: list[CrontopusError | None] = []
        self.shelters = None

    def beat(self) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error:
            raise error


class Agent:
    """The parts of a running agent, without their threads. path: of its folder."""

    def __init__(self, machine: Machine, config: Config, clock: Clock, server: Server) -> None:
        self.machine, self.clock, self.server = machine, clock, server
        home = machine.home
        self.spooled = Spooled(home.directory / "spool")
        self.beating = Beating()
        self.fate = Fate(home.ended, lambda: (home.directory / "token").read_text(), clock=clock)
        delivery = Deliveries(home, config, lambda: "cte_x", self.fate.why_silent)
        delivery.main.check_in = server.check_in
        self.board = StatusBoard(home.status)
        parts = main_parts(home, config, self.board, self.beating.beat, machine.sync(), delivery, self.fate, lambda: NOW)
        self._parts = {part.name: part for part in parts}

    def do(self, name: str) -> str | None:
        """Let a part act once and return the code of its error."""
        part: Part = self._parts[name]
        try:
            part.act()
        except CrontopusError as e:
            part.failed(e)
            return e.code
        return None

    def refuse(self, error: CrontopusError, *, times: int = 2, apart_s: float = CONFIRMED_AFTER_S) -> None:
        for _ in range(times):
            self.beating.errors = [error]
            self.do("heartbeat")
            self.clock.at += apart_s


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    remote = BareRepository(tmp_path / "forge")
    remote.commit(manifests(1, 2))
    home = Home(tmp_path / ".crontopus")
    home.directory.mkdir(mode=0o700)
    (home.directory / "token").write_text("cte_first")
    with serving(tmp_path / "forge") as forge:
        yield Machine(home, MemoryTable(FOREIGN), remote, forge)


@pytest.fixture
def make(machine: Machine) -> Any:
    clock, server = Clock(), Server()

    def made(**settings: Any) -> Agent:
        return Agent(machine, replace(CONFIG, **settings), clock, server)

    return made


@pytest.mark.parametrize("error", [REVOKED, GONE])
def test_after_two_explicit_answers_ten_minutes_apart_rounds_and_reports_end_and_jobs_stay(make: Any, error: Stalled):
    agent = make()
    agent.do("sync")
    agent.refuse(error)
    agent.spooled.ended(1, status="failure", exit_code=1)

    agent.machine.remote.commit(manifests(3))

    assert agent.do("sync") == error.code
    assert agent.do("delivery") is None
    assert agent.server.batches == []
    assert agent.board.part("delivery")["error"]["code"] == error.code
    assert agent.machine.table.content == FOREIGN + agent.machine.block(1, 2)
    assert agent.spooled.names() == {".end.json"}


@pytest.mark.parametrize(
    ("error", "times", "apart_s"),
    [
        (REVOKED, 1, 0.0),
        (REVOKED, 9, 60.0),
        (Unauthenticated("unknown token"), 3, CONFIRMED_AFTER_S),
        (Stalled("HTTP 410", code="api_refused"), 3, CONFIRMED_AFTER_S),
        (Unavailable("down"), 3, CONFIRMED_AFTER_S),
    ],
)
def test_anything_less_ends_nothing(make: Any, error: CrontopusError, times: int, apart_s: float):
    agent = make(on_revoke="remove")
    agent.refuse(error, times=times, apart_s=apart_s)

    assert agent.do("sync") is None
    assert agent.machine.table.content == FOREIGN + agent.machine.block(1, 2)


def test_a_heartbeat_that_gets_through_in_between_makes_it_begin_anew(make: Any):
    agent = make()
    agent.refuse(REVOKED, times=1)
    agent.do("heartbeat")
    agent.refuse(REVOKED, times=1)

    assert agent.do("sync") is None


def test_the_jobs_are_taken_out_where_the_configuration_says_so(make: Any):
    agent = make(on_revoke="remove")
    agent.do("sync")

    agent.refuse(REVOKED)
    codes = [agent.do("sync"), agent.do("sync")]

    assert codes == ["endpoint_revoked"] * 2
    assert agent.machine.table.content == FOREIGN
    assert agent.machine.job_files() == set()
    assert "taken out of the scheduler" in agent.board.part("sync")["error"]["message"]


def test_a_table_that_cannot_be_written_is_cleared_later(make: Any):
    agent = make(on_revoke="remove")
    agent.do("sync")
    agent.refuse(REVOKED)

    agent.machine.table.read = _failing(agent.machine.table.read)  # the first call fails
    first, second = agent.do("sync"), agent.do("sync")

    assert (first, second) == ("scheduler_unreadable", "endpoint_revoked")
    assert agent.machine.table.content == FOREIGN


def _failing(read: Any) -> Any:
    calls: list[int] = []

    def once() -> bytes:
        calls.append(1)
        if len(calls) == 1:
            raise Stalled("permission denied", code="scheduler_unreadable")
        return bytes(read())

    return once


def test_a_restart_remembers_the_end_and_a_new_enrolment_does_not(make: Any):
    agent = make(on_revoke="remove")
    agent.do("sync")
    agent.refuse(REVOKED)
    agent.do("sync")

    again = make(on_revoke="remove")
    after_restart = again.do("sync"), again.machine.table.content
    (again.machine.home.directory / "token").write_text("cte_second")
    enrolled = make(on_revoke="remove")

    assert after_restart == ("endpoint_revoked", FOREIGN)
    assert enrolled.do("sync") is None
    assert enrolled.machine.table.content == FOREIGN + enrolled.machine.block(1, 2)


def test_a_copy_sends_nothing_and_keeps_its_results_until_it_is_somebody_of_its_own(make: Any):
    agent = make()
    agent.refuse(COPY, times=1)
    agent.spooled.ended(1, status="failure", exit_code=1)

    refused = agent.do("delivery"), list(agent.server.batches), agent.board.part("delivery")["error"]["code"]
    agent.do("heartbeat")
    agent.do("delivery")

    assert refused == (None, [], "duplicate_instance")
    assert len(agent.server.runs) == 1
    assert agent.do("sync") is None


def test_a_machine_that_has_ended_asks_once_an_hour_at_most():
    for error in (REVOKED, GONE, COPY, Stalled("x", code="unauthenticated")):
        assert next_delay(30, 20, error) == timedelta(hours=1).total_seconds()
