"""The agent's own address for probes and scrapers: /metrics and /healthz, on this very machine unless told otherwise."""

import json
import logging
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from agent.config import is_loopback
from agent.exposition import CONTENT_TYPE
from chalicelib.domain.errors import Stalled

log = logging.getLogger(__name__)

# One caller at a time: this is no public server, and a slow one is cut off soon.
_PATIENCE_S = 5.0
_TURN_S = 1.0
Metrics = Callable[[], str]
Health = Callable[[], tuple[bool, dict[str, Any]]]


class _Server(HTTPServer):
    request_queue_size = 16
    metrics: Metrics
    health: Health

    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("a caller of our address went away", exc_info=True)


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE_S
    server_version, sys_version = "crontopus-agent", ""
    server: _Server

    def do_GET(self) -> None:
        if not self._is_for_us():
            self._answer(403, "text/plain", "this address answers only to its own name\n")
        elif self.path == "/metrics":
            self._answer(200, CONTENT_TYPE, self.server.metrics())
        elif self.path == "/healthz":
            is_well, told = self.server.health()
            self._answer(200 if is_well else 503, "application/json", json.dumps(told) + "\n")
        else:
            self._answer(404, "text/plain", "see /metrics and /healthz\n")

    do_HEAD = do_GET

    def _is_for_us(self) -> bool:
        """Tell whether it was asked for by an address of this machine: a page in a browser could ask by another name."""
        if not is_loopback(str(self.server.server_address[0])):
            return True
        host = self.headers.get("Host", "").rpartition("@")[2]
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        return is_loopback(name)

    def _answer(self, status: int, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Listener:
    """The one address of a running agent; it stays open when settings are read anew, unless it is another one then."""

    def __init__(self) -> None:
        self._server: _Server | None = None
        self._address: tuple[str, int] | None = None

    @property
    def port(self) -> int | None:
        return self._server.server_port if self._server else None

    def listen(self, address: tuple[str, int] | None, metrics: Metrics, health: Health) -> None:
        """Answer there from now on, nowhere if None. Raise Stalled, with the former address kept, if it cannot be had."""
        if address != self._address:
            coming = _bound(address) if address else None
            former, self._server, self._address = self._server, coming, address
            if former:
                former.server_close()
        if self._server:
            self._server.metrics, self._server.health = metrics, health

    def serve(self) -> float:
        """Answer who asks within a moment, and return at once after it."""
        server = self._server
        try:
            if server:
                server.handle_request()
        except (OSError, ValueError):
            if server is self._server:  # else it was closed for another one
                raise
        return 0.0


def _bound(address: tuple[str, int]) -> _Server:
    kind = _Server6 if ":" in address[0] else _Server
    try:
        server = kind(address, _Handler)
    except OSError as e:
        raise Stalled(f"metrics.listen {address[0]}:{address[1]} cannot be had: {e.strerror}", code="config") from e
    server.timeout = _TURN_S
    return server
