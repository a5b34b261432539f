"""What a check-in costs: calls and units as they are counted, CPU of the handler against a stub, import of the real package."""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.bench.figures import Figure, calibrated

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "build" / "deployment.zip"
ROUNDS = 7
CALLS = 100


def measure() -> list[Figure]:
    """Return the figures of the check-in path."""
    with stub():
        return [*_counts(), *_cpu(), *_import()]


@contextmanager
def stub() -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.dynamodb_stub"], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout
        port = process.stdout.readline().strip()
        os.environ |= {
            "AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{port}",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "POWERTOOLS_SERVICE_NAME": "crontopus",
            # One endpoint sends them all.
            "RATE_LIMIT_FACTOR": "1000",
        }
        from chalicelib.store.tables import connection  # reads the environment

        connection.cache_clear()
        yield
    finally:
        process.kill()
        process.wait()


def _event(body: object) -> dict[str, Any]:
    from tests.bench.dynamodb_stub import TOKEN

    return {
        "requestContext": {
            "resourcePath": "/api/runs/check-in",
            "httpMethod": "POST",
            "requestId": "r",
            "identity": {"sourceIp": "192.0.2.1"},
        },
        "headers": {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"},
        "multiValueHeaders": {},
        "pathParameters": {},
        "multiValueQueryStringParameters": None,
        "stageVariables": None,
        "isBase64Encoded": False,
        "body": json.dumps(body),
    }


def _report(number: int) -> dict[str, Any]:
    from tests.bench.dynamodb_stub import ENDPOINT_ID
    from tests.fixtures.builders import JOB_ID, run_id

    return {
        "run_id": run_id(number), "job_id": JOB_ID, "job_name": "backup", "namespace": "default", "endpoint_id": ENDPOINT_ID,
        "status": "success", "started_at": "2026-11-20T12:00:00.000Z", "finished_at": "2026-11-20T12:00:01.000Z",
        "duration_ms": 1000, "exit_code": 0, "signal": None, "output": "line of output\n" * 33, "output_bytes": 495,
        "output_truncated": False, "commit": "a" * 40, "reported_at": "2026-11-20T12:00:02.000Z",
    }  # fmt: skip


def _counts() -> list[Figure]:
    from pynamodb.connection.base import Connection

    from app import app
    from chalicelib.store import runs as run_store
    from tests.bench.dynamodb_stub import TOKEN_ITEM
    from tests.fixtures.builders import run
    from tests.functional.test_write_units import size_bytes, units

    names: list[str] = []
    inner = Connection._make_api_call

    def counted(self: Any, name: str, *arguments: Any, **more: Any) -> Any:
        names.append(name)
        return inner(self, name, *arguments, **more)

    # What a warm function reads now and then, not for each request.
    app(_event(_report(1)), SimpleNamespace())
    Connection._make_api_call = counted
    try:
        single = _taken(app(_event(_report(1)), SimpleNamespace()), names)
        batch = _taken(app(_event({"runs": [_report(number) for number in range(25)]}), SimpleNamespace()), names)
    finally:
        Connection._make_api_call = inner
    reads = {"GetItem", "BatchGetItem", "Query"}
    worst = run(output=os.urandom(250).hex(), job_name="j" * 63, namespace="n" * 63, tenant_id="t" * 39)
    return [
        Figure("checkin_read_calls", sum(name in reads for name in single), "calls", 1),
        Figure("checkin_write_calls", sum(name not in reads for name in single), "calls", 1),
        Figure("checkin_batch25_read_calls", sum(name in reads for name in batch), "calls", 2),
        Figure("checkin_batch25_write_calls", sum(name not in reads for name in batch), "calls", 2),
        # A consistent read costs one unit for each begun 4 KiB.
        Figure("checkin_read_units", math.ceil(size_bytes(TOKEN_ITEM) / 4096), "units", 1),
        Figure("checkin_write_units_usual", units(run_store._item(run())), "units", 4),
        Figure("checkin_write_units_500_bytes_of_noise", units(run_store._item(worst)), "units", 4),
    ]


def _taken(answer: dict[str, Any], names: list[str]) -> list[str]:
    """Return what was asked of DynamoDB for this answer, and forget it. Figures of a refusal would say nothing."""
    if answer["statusCode"] not in (200, 201):
        raise RuntimeError(f"the report was not taken: {answer['body']}")
    asked = list(names)
    names.clear()
    return asked


def _cpu() -> list[Figure]:
    from app import app

    single = _event(_report(1))
    batch = _event({"runs": [_report(number) for number in range(25)]})
    one = calibrated(lambda: _cpu_ms(lambda: app(single, SimpleNamespace()), CALLS), ROUNDS)
    many = calibrated(lambda: _cpu_ms(lambda: app(batch, SimpleNamespace()), CALLS // 10), ROUNDS) / 25
    return [
        Figure("checkin_handler_cpu", one, "ms", 1.8),
        Figure("checkin_handler_cpu_in_batch25", many, "ms", 0.15),
    ]


def _cpu_ms(act: Callable[[], object], times: int) -> float:
    before = time.process_time()
    for _ in range(times):
        act()
    return (time.process_time() - before) / times * 1000


def _import() -> list[Figure]:
    if not PACKAGE.exists():
        return []
    program = "import time; t = time.process_time(); import app; print(time.process_time() - t)"
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(PACKAGE).extractall(folder)

        def once() -> float:
            command = [sys.executable, "-I", "-S", "-B", "-c", f"import sys; sys.path.insert(0, {folder!r}); {program}"]
            return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

        return [Figure("package_cold_import", calibrated(once, ROUNDS), "s", 0.30)]
