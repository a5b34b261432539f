"""What the agent sends is what the routes take, and what they answer is what it reads."""

import json
from datetime import UTC, datetime

import pytest

from agent import driftlog, orders
from agent.drift import Drift
from agent.orders import Orders, Suspension
from agent.state import Inventory, Placed
from agent.status import held_for_heartbeat
from chalicelib.api.drift import MAX_EVENTS, MAX_LINE, DriftReport
from chalicelib.api.heartbeats import ApprovalOut, HeldIn, OrdersOut
from chalicelib.domain.endpoints import Approval
from tests.fixtures.builders import JOB_ID

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LINE = f"*/5 * * * * /h/.crontopus/bin/run-job CRONTOPUS:{JOB_ID}".encode()
INVENTORY = Inventory("ep-1", jobs={JOB_ID: Placed("ops/deep/backup.yaml", "b" * 40, LINE.decode())})


@pytest.mark.parametrize(
    "found",
    [
        Drift(JOB_ID, "edited", LINE, LINE.replace(b"*/5", b"*/7"), is_left=True),
        Drift(JOB_ID, "edited", LINE, b"\xff" * 998),
        Drift(JOB_ID, "removed", LINE, None, is_left=True),
        Drift(JOB_ID, "duplicated", LINE, LINE),
        Drift(JOB_ID, "moved", LINE, LINE, is_left=True),
    ],
)
def test_an_event_is_taken_as_it_is_written(found: Drift) -> None:
    event = driftlog._event(found, INVENTORY, "adopt", NOON)

    (taken,) = DriftReport.model_validate_json(json.dumps({"events": [event]})).events
    assert (taken.kind, taken.at, taken.path) == (found.kind, NOON, "ops/deep/backup.yaml")


def test_an_agent_sends_no_more_at_once_than_is_taken() -> None:
    assert (driftlog.MAX_SENT, driftlog.MAX_LINE) == (MAX_EVENTS, MAX_LINE)


def test_held_removals_are_taken_as_they_are_told() -> None:
    told = held_for_heartbeat({"held": [JOB_ID], "held_why": {"code": "empty_repository"}, "head": "a" * 40})

    assert HeldIn.model_validate_json(json.dumps(told)).count == 1


def test_orders_are_read_as_they_are_given() -> None:
    given = OrdersOut(approved=ApprovalOut(head="a", digest="b"), suspended_since=NOON, suspended_until=None)

    assert orders._read(given.model_dump(mode="json")) == Orders(Approval("a", "b"), Suspension(NOON, None, "control plane"))
