"""Held removals and orders on their way: told by a heartbeat, kept from its answer."""

from pathlib import Path

from agent import orders
from agent.client import Api
from agent.config import Config, Remote
from agent.daemon import Heartbeat
from agent.home import Home
from agent.orders import Orders
from agent.outcome import Report
from agent.report import Delivery
from agent.status import StatusBoard
from chalicelib.domain.endpoints import Approval, ids_digest
from chalicelib.domain.errors import Stalled
from chalicelib.domain.ids import uuid4_from
from tests.fixtures.builders import NOON
from tests.fixtures.fake_api import ENDPOINT_TOKEN, ControlPlane, answering

HEAD = "a" * 40
IDS = tuple(uuid4_from(number.to_bytes(16, "big")) for number in range(30))


def heartbeat(plane: ControlPlane, home: Home) -> Heartbeat:
    api = Api(plane.url, ENDPOINT_TOKEN)
    delivery = Delivery(home.directory / "spool", plane.endpoint_id, api.check_in)
    config = Config(plane.url, plane.endpoint_id, "first", Remote("https://git/x", "main", "u"))
    obey = lambda told: orders.hear(home, plane.endpoint_id, told)  # noqa: E731 - what the daemon hands in
    return Heartbeat(config, api, delivery, StatusBoard(home.status), {}, lambda: NOON, obey=obey)


def holding() -> Report:
    return Report(NOON, HEAD, None, 40, held=Stalled("30 of 40", code="removals_held"), held_ids=IDS)


def test_a_heartbeat_tells_what_is_held_back(tmp_path: Path) -> None:
    with answering() as plane:
        beating = heartbeat(plane, Home(tmp_path))
        beating.board.synced(holding())
        beating.beat()

    held = {"code": "removals_held", "head": HEAD, "count": 30, "digest": ids_digest(IDS), "job_ids": sorted(IDS)[:20]}
    assert plane.bodies("/heartbeat")[0]["held"] == held


def test_held_removals_are_told_before_the_first_round_of_a_new_process(tmp_path: Path) -> None:
    StatusBoard(Home(tmp_path).status).synced(holding())
    with answering() as plane:
        heartbeat(plane, Home(tmp_path)).beat()

    assert plane.bodies("/heartbeat")[0]["held"]["count"] == 30


def test_where_nothing_is_held_nothing_is_said_of_it(tmp_path: Path) -> None:
    with answering() as plane:
        heartbeat(plane, Home(tmp_path)).beat()

    assert "held" not in plane.bodies("/heartbeat")[0]


def test_an_order_that_comes_with_the_answer_is_kept(tmp_path: Path) -> None:
    with answering() as plane:
        plane.orders = {"approved": {"head": HEAD, "digest": "d" * 64}, "suspended_since": None, "suspended_until": None}
        heartbeat(plane, Home(tmp_path)).beat()

    assert orders.load(Home(tmp_path), plane.endpoint_id, NOON) == Orders(Approval(HEAD, "d" * 64))


def test_a_control_plane_that_knows_no_orders_ends_none(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with answering() as plane:
        orders.hear(home, plane.endpoint_id, {"suspended_since": "2026-11-20T11:00:00.000Z"})
        heartbeat(plane, home).beat()

    assert orders.load(home, plane.endpoint_id, NOON).suspension
