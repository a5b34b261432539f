"""A fleet does not call in the same second: each machine waits a span of its own after the full minute, failures never."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.report import GATHER_S, SPREAD_S, Delivery, spread_of
from tests.fixtures.check_ins import Clock, Server
from tests.fixtures.spooled import Spooled

FULL_MINUTE = datetime(2026, 2, 2, 12, 0, 1, tzinfo=UTC)
LATER = FULL_MINUTE.replace(second=10)
FLEET = [f"ep-{number:024x}" for number in range(1000)]


@pytest.fixture
def spooled(tmp_path: Path) -> Spooled:
    return Spooled(tmp_path / "spool")


def sent_after(spooled: Spooled, server: Server, endpoint_id: str, now: datetime) -> float:
    """Return after how many seconds, in tenths, a batch leaves."""
    clock = Clock()
    delivery = Delivery(spooled.path, endpoint_id, server.check_in, clock=clock, process_alive=lambda *_: True)
    while not delivery.deliver_once(now).sent:
        clock.at += 0.1
    return clock.at - 1000.0


@pytest.mark.parametrize("endpoint_id", FLEET[:5])
def test_successes_of_the_full_minute_wait_as_long_as_this_machine_always_does(spooled: Spooled, endpoint_id: str):
    spooled.ended(1)

    waited_s = sent_after(spooled, Server(), endpoint_id, FULL_MINUTE)

    assert waited_s == pytest.approx(GATHER_S + spread_of(endpoint_id), abs=0.11)


def test_at_any_other_time_successes_wait_two_seconds(spooled: Spooled):
    spooled.ended(1)

    assert sent_after(spooled, Server(), FLEET[0], LATER) == pytest.approx(GATHER_S, abs=0.11)


def test_a_failure_of_the_full_minute_leaves_at_once_and_takes_the_successes_along(spooled: Spooled):
    spooled.ended(1)
    spooled.ended(2, status="failure", exit_code=1)
    server = Server()

    assert sent_after(spooled, server, FLEET[0], FULL_MINUTE) == 0
    assert [len(batch) for batch in server.batches] == [2]


def test_a_full_batch_leaves_at_once_so_that_no_failure_waits_behind_it(spooled: Spooled):
    for number in range(25):
        spooled.ended(number)
    spooled.ended(25, status="failure", exit_code=1)
    server = Server()

    assert sent_after(spooled, server, FLEET[0], FULL_MINUTE) == 0
    assert [len(batch) for batch in server.batches] == [25]


def test_a_fleet_spreads_evenly():
    spans = [spread_of(endpoint_id) for endpoint_id in FLEET]
    seconds = [sum(int(span) == second for span in spans) for second in range(int(SPREAD_S))]

    assert all(0 <= span < SPREAD_S for span in spans)
    assert min(seconds) > 0.7 * len(FLEET) / SPREAD_S
