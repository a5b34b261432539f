"""DynamoDB that knows one endpoint token and takes every write: what is left is the handler's own cost.

Run as `python -m tests.bench.dynamodb_stub`; prints its port.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

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
ANSWERS = {
    "GetItem": {"Item": TOKEN_ITEM},
    "PutItem": {},
    "BatchGetItem": {"Responses": {"crontopus-runs": []}, "UnprocessedKeys": {}},
    "BatchWriteItem": {"UnprocessedItems": {}},
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps(ANSWERS[self.headers["X-Amz-Target"].rpartition(".")[2]]).encode()
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
