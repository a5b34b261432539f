"""DynamoDB that knows one endpoint token and one check, and takes every write: what is left is the handler's own cost.

Run as `python -m tests.bench.dynamodb_stub`; prints its port.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chalicelib.domain import tokens

TOKEN = tokens.mint("endpoint", bytes(32))
ENDPOINT_ID = "ep-bench"
TOKEN_ITEM = {
    "digest": {"S": tokens.digest(TOKEN)},
    "kind": {"S": "endpoint"},
    "tenant_id": {"S": "bench"},
    "token_id": {"S": "ep-1"},
    "owner": {"S": ENDPOINT_ID},
    "name": {"S": ENDPOINT_ID},
    "created_at": {"N": "1700000000000"},
    "uses": {"N": "0"},
}
JOB_ID = "5f0c7f0e-0d7c-4c5e-9a52-7d2d6f4b1c11"
CHECK_ITEM = {
    "check_key": {"S": tokens.digest(JOB_ID)},
    "slot": {"N": "0"},
    "job_id": {"S": JOB_ID},
    "path": {"S": "default/backup.yaml"},
    "sha": {"S": "a" * 40},
    "zone": {"S": "Europe/Paris"},
    "schedule": {"S": "30 3 * * *"},
    "followed_at": {"N": "1700000000000"},
    "last_ping_at": {"N": "1700000000000"},
    "result": {"S": "up"},
    "flips": {"L": [{"N": "1700000000000"}]},
    **{name: {"S": "bench"} for name in ("owner", "tenant_id", "slug", "namespace", "name")},
    **{name: {"BOOL": False} for name in ("is_pinged", "is_paused", "is_resumed_by_hand", "is_post_only")},
    **{name: {"N": "3600"} for name in ("grace_s", "keep_bytes", "count")},
}
ITEMS = {"crontopus-tokens": TOKEN_ITEM, "crontopus-pings": CHECK_ITEM}
ANSWERS: dict[str, dict[str, Any]] = {
    "UpdateItem": {"Attributes": {}},
    "Query": {"Items": [], "Count": 0, "ScannedCount": 0},
    "PutItem": {},
    "BatchGetItem": {"Responses": {"crontopus-runs": []}, "UnprocessedKeys": {}},
    "BatchWriteItem": {"UnprocessedItems": {}},
}


def _answer(operation: str, asked: dict[str, Any]) -> dict[str, Any]:
    if operation != "GetItem":
        return ANSWERS[operation]
    item = ITEMS.get(asked["TableName"])
    return {"Item": item} if item else {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(_answer(self.headers["X-Amz-Target"].rpartition(".")[2], asked)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)  # noqa: T201
    server.serve_forever()
