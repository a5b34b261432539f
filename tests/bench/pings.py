"""What a ping costs: calls and units as they are counted, CPU of the handler against a stub."""

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from tests.bench.checkin import CALLS, ROUNDS, _cpu_ms, stub
from tests.bench.figures import Figure, calibrated


def measure() -> list[Figure]:
    """Return the figures of a ping."""
    with stub():
        return [*_calls(), *_units(), _cpu()]


def _event(ending: str = "") -> dict[str, Any]:
    from tests.bench.dynamodb_stub import JOB_ID

    path = "/ping/{first}/{second}" if ending else "/ping/{first}"
    return {
        "requestContext": {
            "resourcePath": path, "httpMethod": "POST", "requestId": "r", "identity": {"sourceIp": "192.0.2.1"},
        },
        "headers": {"Content-Type": "text/plain", "User-Agent": "curl/8.5.0"},
        "multiValueHeaders": {},
        "pathParameters": {"first": JOB_ID} | ({"second": ending} if ending else {}),
        "multiValueQueryStringParameters": None,
        "stageVariables": None,
        "isBase64Encoded": False,
        "body": "line of output\n" * 33,
    }  # fmt: skip


def _calls() -> list[Figure]:
    from pynamodb.connection.base import Connection

    from app import app

    names: list[str] = []
    inner = Connection._make_api_call

    def counted(self: Any, name: str, *arguments: Any, **more: Any) -> Any:
        names.append(name)
        return inner(self, name, *arguments, **more)

    Connection._make_api_call = counted
    figures = []
    # What a warm function reads now and then, not for each ping.
    app(_event("log"), SimpleNamespace())
    try:
        for ending, budget in (("", 2), ("start", 3)):
            names.clear()
            answer = app(_event(ending), SimpleNamespace())
            if answer["statusCode"] != 200:
                raise RuntimeError(f"the ping was not taken: {answer['body']}")
            reads = sum(name in ("GetItem", "BatchGetItem", "Query") for name in names)
            figures.append(Figure(f"ping_{ending or 'success'}_read_calls", reads, "calls", 1))
            figures.append(Figure(f"ping_{ending or 'success'}_write_calls", len(names) - reads, "calls", budget))
    finally:
        Connection._make_api_call = inner
    return figures


def _units() -> list[Figure]:
    from chalicelib.domain import pings
    from chalicelib.domain.checks import Check, Definition, Start, State
    from chalicelib.store import pings as ping_store
    from chalicelib.store import runs as run_store
    from tests.fixtures.builders import JOB_ID, NOON, run_id
    from tests.functional.test_write_units import size_bytes, units

    definition = Definition("bench", JOB_ID, "default", "backup", "backup", "default/backup.yaml", "a" * 40, period_s=3600)
    state = State(count=41, last_ping_at=NOON, result="up", open=Start(run_id(), JOB_ID), starts=(Start(run_id(), JOB_ID),))
    check = Check(definition, state)
    sent = pings.Ping("success", NOON, run_id(), "POST", rid=JOB_ID, user_agent="curl/8.5.0", body=b"line of output\n" * 33)
    step = pings.take(check, sent)
    kept = pings.kept(check, sent, step)
    item = ping_store.PingItem(
        check_key="d" * 64, slot=1, ttl=1, **{name: getattr(kept, name) for name in ping_store._KEPT}
    ).serialize(null_check=False)
    facts = {name: getattr(definition, name) for name in ping_store._DEFINED} | ping_store._written(
        replace(state, is_resumed=False)
    )
    whole = ping_store.PingItem(check_key="d" * 64, slot=0, owner="bench", tenant_id="bench", followed_at=NOON, **facts)
    stored = {name: value for name, value in whole.serialize(null_check=False).items() if "L" not in value}
    lists = 100  # bytes of the runs that are open, in a state with one of them
    state_units = math.ceil((size_bytes(stored) + lists) / 1024)
    assert step.run
    total = units(run_store._item(step.run)) + math.ceil(size_bytes(item) / 1024) + state_units
    return [Figure("ping_write_units", total, "units", 4), Figure("ping_read_units", state_units, "units", 1)]


def _cpu() -> Figure:
    from app import app

    event = _event()
    one = calibrated(lambda: _cpu_ms(lambda: app(event, SimpleNamespace()), CALLS), ROUNDS)
    # healthchecks needs 4.2 ms for the same on this machine, its database aside.
    return Figure("ping_handler_cpu", one, "ms", 4.2)
