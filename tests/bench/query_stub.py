"""DynamoDB that answers Query from a file of partitions and takes an endpoint's heartbeats: what is left is our own cost.

Run as `python -m tests.bench.query_stub FILE`; prints its port. FILE: JSON, "table|index|key" -> items by their range key.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.bench.dynamodb_stub import ENDPOINT_ID, TOKEN_ITEM

ENDPOINT_ITEM: dict[str, Any] = {
    "tenant_id": {"S": "bench"},
    "endpoint_id": {"S": ENDPOINT_ID},
    **{name: {"S": name} for name in ("name", "hostname", "platform", "version", "git_token_name")},
    **{name: {"S": "d" * 64} for name in ("machine_id", "token_digest", "instances_digest")},
    # It has been heard before: only the first heartbeat has somebody look for the next.
    "is_watched": {"BOOL": True},
    **{name: {"N": "1700000000000"} for name in ("enrolled_at", "last_heartbeat_at", "clock_at")},
    "spool_depth": {"N": "0"},
    "problems": {"L": []},
    "labels": {"M": {}},
    "is_revoked": {"BOOL": False},
}
ANSWERS = {"GetItem": {"Item": TOKEN_ITEM}, "UpdateItem": {"Attributes": ENDPOINT_ITEM}}
PARTITIONS: dict[str, list[dict[str, Any]]] = {}


def query(body: dict[str, Any]) -> dict[str, Any]:
    """Return one page: newest first where that is asked, no more than asked for, and of the attributes only those."""
    key = body["ExpressionAttributeValues"][":0"]["S"]
    items = PARTITIONS.get(f"{body['TableName']}|{body.get('IndexName', '')}|{key}", [])
    if body.get("ScanIndexForward") is False:
        items = items[::-1]
    page = items[: body.get("Limit", len(items))]
    found: dict[str, Any] = {"Count": len(page), "ScannedCount": len(page)}
    if len(page) < len(items):
        found["LastEvaluatedKey"] = {name: page[-1][name] for name in ("job_key", "run_id", "feed")}
    if "ProjectionExpression" in body:
        names = [body["ExpressionAttributeNames"][part.strip()] for part in body["ProjectionExpression"].split(",")]
        page = [{name: item[name] for name in names if name in item} for item in page]
    return found | {"Items": page}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        answer = json.dumps(query(body) if operation == "Query" else ANSWERS[operation]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    PARTITIONS |= json.loads(Path(sys.argv[1]).read_text())
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)  # noqa: T201
    server.serve_forever()
