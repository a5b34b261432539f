"""How long the agent waits after an error, and that it loses nothing meanwhile."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.report import Delivery, wait_after
from chalicelib.domain.errors import CrontopusError, Stalled, Unauthenticated, Unavailable
from tests.fixtures.check_ins import Clock, Server
from tests.fixtures.spooled import Spooled

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
    return Delivery(spooled.path, "endpoint-1", server.check_in, clock=clock, chance=lambda: 0.0, process_alive=lambda *_: True)


def test_nothing_is_sent_before_the_wait_is_over(delivery: Delivery, server: Server, spooled: Spooled, clock: Clock):
    server.errors = [Unavailable("down", retry_after_s=7)]
    spooled.ended(status="failure", exit_code=1)
    first = delivery.deliver_once(NOW)

    clock.at += 6.9
    early = delivery.deliver_once(NOW)
    clock.at += 0.1
    late = delivery.deliver_once(NOW)

    assert (first.wait_s, early.sent, late.sent) == (7, 0, 1)
    assert early.problem is first.problem


def test_a_wait_is_not_affected_by_the_hosts_clock(delivery: Delivery, server: Server, spooled: Spooled, clock: Clock):
    server.errors = [Unavailable("down")]
    spooled.ended(status="failure", exit_code=1)
    delivery.deliver_once(NOW)

    clock.at += 30
    assert delivery.deliver_once(NOW - timedelta(days=1)).sent == 1


def test_after_an_outage_of_an_hour_everything_is_delivered(delivery: Delivery, server: Server, spooled: Spooled, clock: Clock):
    server.errors = [Unavailable("down") for _ in range(500)]
    for minute in range(60):
        spooled.ended(minute, output=b"x" * 100)
        for _ in range(60):
            delivery.deliver_once(NOW)
            clock.at += 1
    tries = len(server.batches)
    server.errors = []

    for _ in range(32):
        while delivery.deliver_once(NOW).sent:
            pass
        clock.at += 1

    assert 120 <= tries <= 200
    assert len(server.runs) == 60
    assert spooled.names() == set()


def test_word_of_recovery_ends_the_wait(delivery: Delivery, server: Server, spooled: Spooled):
    server.errors = [Unauthenticated("revoked")]
    spooled.ended(status="failure", exit_code=1)
    assert delivery.deliver_once(NOW).wait_s == 30

    delivery.retry_now()

    assert delivery.deliver_once(NOW).sent == 1


@pytest.mark.parametrize(
    ("failures", "retry_after_s", "chance", "wait_s"),
    [
        (1, 0, 0, 2),
        (1, 0, 1, 3),
        (2, 0, 0, 4),
        (5, 0, 0, 20),
        (99, 0, 1, 30),
        (1, 5, 0, 5),
        (1, 5, 1, 7.5),
        (1, 45, 0, 45),
        (1, 3600, 0, 300),
    ],
)
def test_waits_grow_to_half_a_minute_and_to_five_where_the_server_asks_for_it(
    failures: int, retry_after_s: int, chance: float, wait_s: float
):
    assert wait_after(Unavailable("x", retry_after_s=retry_after_s), failures, chance) == wait_s


@pytest.mark.parametrize(("failures", "wait_s"), [(1, 30), (2, 60), (8, 3600), (5000, 3600)])
@pytest.mark.parametrize("error", [Unauthenticated("unknown"), Stalled("deleted", code="endpoint_gone")])
def test_a_refused_token_is_tried_ever_more_rarely(error: CrontopusError, failures: int, wait_s: float):
    assert wait_after(error, failures, 0) == wait_s


def test_an_unusable_spool_is_a_problem_and_no_crash(server: Server, clock: Clock, tmp_path: Path):
    (tmp_path / "spool").write_text("a file")

    step = Delivery(tmp_path / "spool", "e", server.check_in, clock=clock).deliver_once(NOW)

    assert step.problem
    assert step.wait_s > 1
