"""Exactly once: a delivery killed at every step, against the real routes, tables and counters."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from chalicelib.domain.runs import STATUSES
from chalicelib.domain.times import to_millis
from tests.functional.api.client import Api


@contextmanager
def served(api: Api) -> Iterator[str]:
    """Answer on loopback as the API in this process does."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = api.as_(self.headers["Authorization"].removeprefix("Bearer ")).call("POST", self.path, raw=body)
            content = json.dumps(answer.body).encode()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")  # one at a time: the next one waits for this one's end
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

        def handle(self) -> None:
            with suppress(ConnectionError):  # it was killed
                super().handle()

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def test_a_delivery_killed_at_any_step_is_completed_by_the_next_and_every_run_counts_once(
    api, ada, agent, project, tmp_path: Path
):
    endpoint_id, now_ms = agent["endpoint"]["id"], str(to_millis(datetime.now(UTC)) - 5000)
    words = [sys.executable, "-m", "tests.fixtures.dying_deliveries", str(tmp_path / "spool")]

    with served(api) as url:
        done = subprocess.run([*words, url, agent["token"], endpoint_id, now_ms], capture_output=True, text=True, check=True)
    project()

    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert [outcome["was_killed"] for outcome in outcomes] == [True] * (len(outcomes) - 1) + [False]
    assert len(outcomes) > 10
    # An output whose run was confirmed is litter, which is cleared away after an hour; a result never is.
    assert {name[36:] for outcome in outcomes for name in outcome["left"]} <= {".out"}
    listed = ada.get("/api/runs?days=2&limit=1000").body["runs"]
    assert len(listed) == len({run["run_id"] for run in listed}) == 3 * len(outcomes)
    assert sorted(run["status"] for run in listed) == ["failure"] * 2 * len(outcomes) + ["success"] * len(outcomes)
    counted = {status: ada.get(f"/api/runs?days=2&page_size=1&status={status}").body["total"] for status in STATUSES}
    assert {status: count for status, count in counted.items() if count} == {
        "failure": 2 * len(outcomes),
        "success": len(outcomes),
    }
