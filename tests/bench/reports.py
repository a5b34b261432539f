"""Lists and reports of one tenant: 100,000 runs of 7 days, 1,000 instances on 200 endpoints; and heartbeats of those.

Calls and read units are counted, CPU is this process' own: the tables are in another one.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.bench import big_tenant
from tests.bench.big_tenant import DAYS, ENDPOINTS, INSTANCES, TENANT, Partitions
from tests.bench.figures import Figure, calibrated

ROOT = Path(__file__).parents[2]
ROUNDS = 5


def measure() -> list[Figure]:
    """Return the figures of list, by-job, by-endpoint and heartbeats."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "partitions.json"
        partitions = big_tenant.partitions(datetime.now(UTC))
        path.write_text(json.dumps(partitions))
        with _stub(path):
            return [*_figures(partitions), *_heartbeats(), *_projection(partitions)]


def _figures(partitions: Partitions) -> Iterator[Figure]:
    from chalicelib.api import reports, runs
    from chalicelib.api.blueprint import Ask
    from chalicelib.services.sessions import Caller

    def ask(query: object) -> Any:
        return Ask(None, "r", Caller("user", TENANT, TENANT), None, query)  # type: ignore[arg-type]

    def by_job() -> Any:
        return reports.report_by_job(ask(reports.JobReportQuery(page_size=1000)))

    def by_endpoint() -> Any:
        return reports.report_by_endpoint(ask(reports.EndpointReportQuery(page_size=1000)))

    most = DAYS + INSTANCES
    # Tomorrow, where a clock runs ahead, and today.
    yield from _measured(partitions, "runs_list_100", lambda: runs.list_runs(ask(runs.RunQuery(count=False))), 2)
    yield from _measured(partitions, "runs_list_100_with_total", lambda: runs.list_runs(ask(runs.RunQuery())), 2 + most)
    yield from _measured(partitions, "runs_by_job_1000_instances_7_days", by_job, most)
    yield from _measured(partitions, "runs_by_endpoint_200_endpoints_7_days", by_endpoint, most)


def _heartbeats() -> Iterator[Figure]:
    from pynamodb.connection.base import Connection

    from app import app
    from tests.bench.dynamodb_stub import ENDPOINT_ID, TOKEN

    event = {
        "requestContext": {
            "resourcePath": "/api/endpoints/{endpoint_id}/heartbeat", "httpMethod": "POST", "requestId": "r",
            "identity": {"sourceIp": "192.0.2.1"},
        },
        "headers": {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"},
        "multiValueHeaders": {}, "multiValueQueryStringParameters": None, "stageVariables": None, "isBase64Encoded": False,
        "pathParameters": {"endpoint_id": ENDPOINT_ID},
        "body": json.dumps({"version": "1", "spool_depth": 0, "clock_at": "2026-11-20T12:00Z", "instances_digest": "e" * 64}),
    }  # fmt: skip
    names: list[str] = []
    inner = Connection._make_api_call

    def counted(self: Any, name: str, *arguments: Any, **more: Any) -> Any:
        names.append(name)
        return inner(self, name, *arguments, **more)

    def beat() -> None:
        answer = app(event, SimpleNamespace())
        assert answer["statusCode"] == 200, answer

    beat()
    Connection._make_api_call = counted
    try:
        beat()
    finally:
        Connection._make_api_call = inner
    spent = calibrated(lambda: _cpu_ms(lambda: [beat() for _ in range(ENDPOINTS)]), ROUNDS) / ENDPOINTS
    yield Figure("heartbeat_read_calls", names.count("GetItem"), "calls", 1)
    yield Figure("heartbeat_write_calls", len(names) - names.count("GetItem"), "calls", 1)
    yield Figure("heartbeat_handler_cpu", spent, "ms", None)


def _projection(partitions: Partitions) -> Iterator[Figure]:
    """What follows from a run once the ledger has it. CPU: of counting it, without the read and the write."""
    from chalicelib.domain.instances import Change, fold
    from chalicelib.store import instances, runs
    from tests.fixtures.builders import run
    from tests.functional.test_write_units import size_bytes, units

    items = [item for key, some in partitions.items() if key.startswith("crontopus-instances") for item in some]
    largest = max(math.ceil(size_bytes(item) / 1024) for item in items)
    yield Figure("run_write_units_all_that_follows_included", units(runs._item(run())) + largest, "units", 4)
    ran = big_tenant.runs_of(0, datetime.now(UTC))
    known = fold(None, [Change(one) for one in ran[:-1]], {}).instance
    item = big_tenant.instance_item(known)

    def project() -> None:
        for _ in range(100):
            instances._derived(fold(instances._instance(item), [Change(ran[-1])], {}).instance)

    yield Figure("projection_cpu", calibrated(lambda: _cpu_ms(project), ROUNDS) / 100, "ms", None)


def _measured(partitions: Partitions, name: str, act: Callable[[], Any], queries: int) -> Iterator[Figure]:
    with _counting(partitions) as seen:
        answer = act().model_dump_json()
    yield Figure(f"{name}_queries", seen["Query"], "calls", queries)
    yield Figure(f"{name}_other_calls", sum(seen.values()) - seen["Query"] - seen["units"], "calls", 0)
    yield Figure(f"{name}_read_units", seen["units"], "units", None)
    yield Figure(f"{name}_answer", len(answer) / 1e6, "MB", 0.4)
    yield Figure(f"{name}_cpu", calibrated(lambda: _cpu_ms(act), ROUNDS), "ms", None)
    started = time.perf_counter()
    act()
    yield Figure(f"{name}_wall", (time.perf_counter() - started) * 1000, "ms", None)


def _cpu_ms(act: Callable[[], object]) -> float:
    before = time.process_time()
    act()
    return (time.process_time() - before) * 1000


@contextmanager
def _counting(partitions: Partitions) -> Iterator[dict[str, float]]:
    """Count the calls, and the units of what they read, which is whole items however few attributes were asked for."""
    from pynamodb.connection.base import Connection

    from tests.functional.test_write_units import size_bytes

    seen: dict[str, float] = defaultdict(float)
    inner = Connection._make_api_call

    def counted(self: Any, name: str, asked: dict[str, Any], *more: Any, **named: Any) -> Any:
        answer = inner(self, name, asked, *more, **named)
        key = asked["ExpressionAttributeValues"][":0"]["S"]
        whole = partitions.get(f"{asked['TableName']}|{asked.get('IndexName', '')}|{key}", [])
        average = sum(map(size_bytes, whole[:50])) / max(1, len(whole[:50]))
        seen[name] += 1
        # Half a unit for each begun 4 KiB: none of these reads has to be consistent.
        seen["units"] += max(1, math.ceil(average * answer["ScannedCount"] / 4096)) / 2
        return answer

    Connection._make_api_call = counted
    try:
        yield seen
    finally:
        Connection._make_api_call = inner


@contextmanager
def _stub(path: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.bench.query_stub", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout
        port = process.stdout.readline().strip()
        os.environ |= {
            "AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{port}",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            # One endpoint sends all heartbeats.
            "RATE_LIMIT_FACTOR": "1000",
        }
        _forget_client()
        yield
    finally:
        process.kill()
        process.wait()
        _forget_client()


def _forget_client() -> None:
    """Another stub, another address: the client is made anew."""
    from chalicelib.store import tables

    tables.connection.cache_clear()
