"""When and how runs are sent, and what happens to them if the server does not take them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.report import Delivered, Delivery
from agent.spool import Backlog, backlog
from chalicelib.domain.errors import (
    Conflict,
    CrontopusError,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    Stalled,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from tests.fixtures.check_ins import Clock, Server
from tests.fixtures.spooled import Spooled, run_id

NOW = datetime(2026, 2, 2, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def spooled(tmp_path: Path) -> Spooled:
    return Spooled(tmp_path / "spool")


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def delivery(spooled: Spooled, server: Server, clock: Clock) -> Delivery:
    return delivering(spooled, server, clock)


def delivering(spooled: Spooled, server: Server, clock: Clock, *, alive: bool = True) -> Delivery:
    return Delivery(
        spooled.path, "endpoint-1", server.check_in, clock=clock, chance=lambda: 0.0, process_alive=lambda *_: alive
    )


def test_an_empty_spool_sends_nothing(delivery: Delivery, server: Server):
    assert delivery.deliver_once(NOW) == Delivered(0, 1.0)
    assert server.batches == []


def test_a_failure_is_sent_at_once(delivery: Delivery, server: Server, spooled: Spooled):
    spooled.ended(status="failure", exit_code=1)

    delivery.deliver_once(NOW)

    run = server.runs[run_id(0)]
    assert (run.status, run.endpoint_id, run.reported_at) == ("failure", "endpoint-1", NOW)
    assert spooled.names() == set()


def test_a_success_waits_two_seconds_for_company(delivery: Delivery, server: Server, spooled: Spooled, clock: Clock):
    spooled.ended(1)
    assert delivery.deliver_once(NOW) == Delivered(0, 1.0)

    clock.at += 1.9
    spooled.ended(2)
    assert delivery.deliver_once(NOW).wait_s == pytest.approx(0.1)

    clock.at += 0.1
    assert delivery.deliver_once(NOW) == Delivered(2, 0.0)
    assert server.batches == [[run_id(1), run_id(2)]]


def test_a_failure_takes_the_waiting_successes_along(delivery: Delivery, server: Server, spooled: Spooled):
    spooled.ended(1)
    delivery.deliver_once(NOW)
    spooled.ended(2, status="timeout", exit_code=124)

    delivery.deliver_once(NOW)

    assert server.batches == [[run_id(1), run_id(2)]]


def test_a_backlog_goes_out_oldest_first_in_batches_of_25(delivery: Delivery, server: Server, spooled: Spooled):
    for number in range(60):
        spooled.ended(number, status="failure", exit_code=1)

    while delivery.deliver_once(NOW).sent:
        pass

    assert [len(batch) for batch in server.batches] == [25, 25, 10]
    assert [one for batch in server.batches for one in batch] == [run_id(number) for number in range(60)]


@pytest.mark.parametrize("byte", [b"x", b"\x01", "ж".encode()])
def test_a_request_stays_below_what_the_server_reads(delivery: Delivery, server: Server, spooled: Spooled, byte: bytes):
    for number in range(25):
        spooled.ended(number, output=(byte * 65536)[:65536], status="failure", exit_code=1)

    while delivery.deliver_once(NOW).sent:
        pass

    assert len(server.runs) == 25
    assert len(server.batches) > 4


def test_a_run_that_goes_on_is_announced_once(delivery: Delivery, server: Server, spooled: Spooled, clock: Clock):
    spooled.begun()

    for _ in range(3):
        delivery.deliver_once(NOW)
        clock.at += 2

    assert server.runs[run_id(0)].status == "running"
    assert len(server.batches) == 1
    assert spooled.names() == {".start.json"}


def test_the_result_follows_the_announcement(delivery: Delivery, server: Server, spooled: Spooled, clock: Clock):
    spooled.begun()
    delivery.deliver_once(NOW)
    clock.at += 2
    delivery.deliver_once(NOW)
    spooled.ended(status="failure", exit_code=3)

    delivery.deliver_once(NOW)

    assert server.runs[run_id(0)].exit_code == 3
    assert spooled.names() == set()


def test_a_refused_announcement_does_not_cost_the_result(delivery: Delivery, server: Server, spooled: Spooled, clock: Clock):
    server.refuses = lambda run: run["status"] == "running"
    spooled.begun()
    delivery.deliver_once(NOW)
    clock.at += 2
    delivery.deliver_once(NOW)
    spooled.ended(status="failure", exit_code=3)

    delivery.deliver_once(NOW)

    assert server.runs[run_id(0)].exit_code == 3


def test_a_run_that_was_killed_is_sent_at_once(server: Server, spooled: Spooled, clock: Clock):
    spooled.begun()

    delivering(spooled, server, clock, alive=False).deliver_once(NOW)

    assert (server.runs[run_id(0)].status, server.runs[run_id(0)].exit_code) == ("failure", None)
    assert spooled.names() == set()


def test_a_run_the_server_refuses_is_put_aside_and_the_others_are_done(delivery: Delivery, server: Server, spooled: Spooled):
    server.refuses = lambda run: run["run_id"] == run_id(1)
    for number in range(3):
        spooled.ended(number, output=b"x", status="failure", exit_code=1)

    delivery.deliver_once(NOW)

    assert set(server.runs) == {run_id(0), run_id(2)}
    assert {path.name for path in spooled.path.glob("quarantine/*")} == {f"{run_id(1)}.end.json.bad", f"{run_id(1)}.out.bad"}


def test_a_run_that_contradicts_what_was_reported_is_put_aside(delivery: Delivery, server: Server, spooled: Spooled):
    spooled.ended(status="failure", exit_code=1)
    delivery.deliver_once(NOW)
    spooled.ended(status="failure", exit_code=2)

    delivery.deliver_once(NOW)

    assert server.runs[run_id(0)].exit_code == 1
    assert spooled.names() == {"quarantine"}


@pytest.mark.parametrize("poisoned", [0, 7, 24])
def test_one_run_that_spoils_a_request_is_found_and_put_aside(
    delivery: Delivery, server: Server, spooled: Spooled, poisoned: int
):
    server.chokes_on = lambda run: run["run_id"] == run_id(poisoned)
    for number in range(25):
        spooled.ended(number)

    delivery.deliver_once(NOW)

    assert set(server.runs) == {run_id(number) for number in range(25)} - {run_id(poisoned)}
    assert [path.name for path in spooled.path.glob("quarantine/*")] == [f"{run_id(poisoned)}.end.json.bad"]
    assert len(server.batches) <= 12


@pytest.mark.parametrize("error", [Malformed("x"), Invalid("x"), Conflict("x"), TooLarge("x")])
def test_a_single_run_that_is_refused_as_a_whole_is_put_aside(
    delivery: Delivery, server: Server, spooled: Spooled, error: CrontopusError
):
    server.errors = [error]
    spooled.ended(status="failure", exit_code=1)

    delivery.deliver_once(NOW)

    assert spooled.names() == {"quarantine"}


@pytest.mark.parametrize("error", [Unavailable("down"), Unauthenticated("no"), Forbidden("no"), NotFound("no"), Stalled("no")])
def test_what_is_no_fault_of_a_run_leaves_it_in_the_spool(
    delivery: Delivery, server: Server, spooled: Spooled, error: CrontopusError
):
    server.errors = [error]
    spooled.ended(status="failure", exit_code=1)

    assert delivery.deliver_once(NOW).problem is error
    assert spooled.names() == {".end.json"}


def test_what_was_settled_before_an_error_is_not_sent_again(delivery: Delivery, server: Server, spooled: Spooled, clock: Clock):
    server.errors = [TooLarge("x"), None, Unavailable("down")]
    for number in range(4):
        spooled.ended(number, status="failure", exit_code=1)

    delivery.deliver_once(NOW)
    clock.at += 30
    delivery.deliver_once(NOW)

    assert server.batches[1:] == [[run_id(0), run_id(1)], [run_id(2), run_id(3)], [run_id(2), run_id(3)]]


@pytest.mark.parametrize("answer", [[], [{}], [{"outcome": "perhaps"}], [{"outcome": "created"}] * 2])
def test_an_answer_that_makes_no_sense_confirms_nothing(spooled: Spooled, clock: Clock, answer: list[dict[str, str]]):
    spooled.ended(status="failure", exit_code=1)

    step = Delivery(spooled.path, "e", lambda runs: answer, clock=clock).deliver_once(NOW)

    assert isinstance(step.problem, Unavailable)
    assert spooled.names() == {".end.json"}


def test_what_somebody_should_look_at_is_said(delivery: Delivery, server: Server, spooled: Spooled):
    server.refuses = lambda run: True
    spooled.ended(status="failure", exit_code=1)
    assert delivery.problems(backlog(spooled.path, lambda *_: True)) == []

    delivery.deliver_once(NOW)

    (said,) = delivery.problems(backlog(spooled.path, lambda *_: True))
    assert said.startswith("1 runs could not be delivered")
    assert len(delivery.problems(Backlog(0, None, 1, 1))) == 2
