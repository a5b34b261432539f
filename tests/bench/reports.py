"""Lists and reports of one tenant: 100,000 runs of 7 days, 1,000 instances on 200 endpoints; and heartbeats of those.

Calls and read units are counted, CPU is this process' own: the tables are in another one.
"""

import base64
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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.bench.figures import Figure, calibrated

ROOT = Path(__file__).parents[2]
TENANT, RUNS, INSTANCES, ENDPOINTS, DAYS = "bench", 100_000, 1000, 200, 7
ROUNDS = 5
Partitions = dict[str, list[dict[str, Any]]]


def measure() -> list[Figure]:
    """Return the figures of list, by-job, by-endpoint and heartbeats."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "partitions.json"
        partitions = _partitions(datetime.now(UTC))
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

    with _silent():
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
    ran = _runs(0, datetime.now(UTC))
    known = fold(None, [Change(one) for one in ran[:-1]], {}).instance
    item = _instance(known)

    def project() -> None:
        for _ in range(100):
            instances._derived(fold(instances._instance(item), [Change(ran[-1])], {}).instance)

    yield Figure("projection_cpu", calibrated(lambda: _cpu_ms(project), ROUNDS) / 100, "ms", None)


@contextmanager
def _silent() -> Iterator[None]:
    """Keep the log lines of requests from standing among the figures."""
    null, stdout = os.open(os.devnull, os.O_WRONLY), os.dup(1)
    os.dup2(null, 1)
    try:
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(null)
        os.close(stdout)


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


def _partitions(now: datetime) -> Partitions:
    """Return what the tables hold, by partition."""
    from chalicelib.domain.instances import Change, fold
    from chalicelib.store import days, runs

    found: Partitions = defaultdict(list)
    for number in range(ENDPOINTS):
        found[f"crontopus-endpoints||{TENANT}"].append(_endpoint(number, now))
    for number in range(INSTANCES):
        ran = _runs(number, now)
        for run in ran:
            feed = {name: value for name, value in _typed(runs._item(run)).items() if name not in ("output", "ttl")}
            found[f"crontopus-runs|feed|{feed['feed']['S']}"].append(feed)
        folded = fold(None, [Change(run) for run in ran], {})
        for day in folded.days:
            found[f"crontopus-days||{TENANT}#{day.date}"].append(_typed(days._item(day)))
        item = _typed(_instance(folded.instance))
        found[f"crontopus-instances||{item['endpoint_key']['S']}"].append(item)
    for key, items in found.items():
        if key.startswith("crontopus-runs"):
            items.sort(key=lambda item: item["run_id"]["S"])
    return dict(found)


def _runs(number: int, now: datetime) -> list[Any]:
    from chalicelib.domain import ids
    from tests.fixtures.builders import run

    made = []
    each = RUNS // INSTANCES
    for place in range(each):
        moment = now - timedelta(days=DAYS - 1) * (each - 1 - place) / each - timedelta(milliseconds=number)
        random = (number * each + place).to_bytes(10, "big")
        made.append(
            run(
                tenant_id=TENANT,
                run_id=ids.uuid7_from(moment, random),
                job_id=ids.uuid4_from(number.to_bytes(16, "big")),
                job_name=f"job-number-{number}",
                namespace=f"team-{number % 20}",
                endpoint_id=f"ep-{number % ENDPOINTS:024d}",
                status="failure" if (number + place) % 29 == 0 else "success",
                started_at=moment,
                finished_at=moment,
                received_at=moment,
                reported_at=moment,
            )
        )
    return made


def _endpoint(number: int, now: datetime) -> dict[str, Any]:
    from chalicelib.store.endpoints import EndpointItem

    item = EndpointItem(
        TENANT,
        f"ep-{number:024d}",
        name=f"machine-{number}",
        hostname=f"machine-{number}.example.org",
        platform="linux",
        version="0.1.0",
        machine_id=f"{number:064x}",
        timezone="Europe/Vienna",
        scheduler="debian",
        enrolled_at=now,
        last_heartbeat_at=now,
        token_digest="d" * 64,
        git_token_name="x",
        is_revoked=False,
    )
    return {name: value for name, value in _typed(item).items() if name not in ("labels", "problems")}


def _instance(instance: Any) -> Any:
    from chalicelib.store import instances

    return instances.InstanceItem(
        f"{TENANT}#{instance.endpoint_id}",
        instance.job_id,
        name=instance.job_name,
        namespace=instance.namespace,
        status="scheduled",
        source="crontopus",
        drift=False,
        seen_at=instance.last.started_at,
        last=instances._packed(instance.last),
        success_at=instance.last_success_at,
        failure_at=instance.last_failure_at,
        recent=instance.recent.to_bytes(),
        hours=instance.hours.to_bytes(),
        day=instance.day,
        today=instance.today.to_text(),
        rev=100,
    )


def _typed(item: Any) -> dict[str, Any]:
    """Return an item as JSON says it."""
    values = item.serialize(null_check=False)
    return {name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value for name, value in values.items()}
