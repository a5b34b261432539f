"""HTTP/1.1 on a socket, one thread per connection, nothing but the standard library."""

import gzip
import io
import logging
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from infra.local.forge.web import Refused, Request, Response

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 256 * 1024 * 1024


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    # Head and body leave in one segment; otherwise delayed acknowledgement costs 40 ms per answer.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: "Server"

    def answer(self) -> None:
        with self.server.busy():
            try:
                response = self.server.app(self._request())
            except Refused as e:
                self.close_connection = True
                response = Response(e.status, e.message.encode(), e.headers)
            except Exception:
                # The border of the process: a fault of ours is a 500 to the caller and a trace on stderr.
                log.exception("fault while serving %s", self.command)
                self.close_connection = True
                response = Response(500)
            self._send(response)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

    def _request(self) -> Request:
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        return Request(self.command, url.path, query, headers, self._body(headers))

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b"".join(_chunks(self.rfile))
        else:
            length = headers.get("content-length", "0")
            if not length.isdecimal():
                raise Refused(400, "bad Content-Length")
            if int(length) > MAX_BODY_BYTES:
                raise Refused(413, "body too large")
            body = self.rfile.read(int(length))
            if len(body) < int(length):
                raise Refused(400, "the body ended early")
        return _plain(body) if headers.get("content-encoding") == "gzip" else body

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        if response.status != 204:
            self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and response.status != 204:
            self.wfile.write(response.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)


def _chunks(source: io.BufferedIOBase) -> Iterator[bytes]:
    total = 0
    while True:
        line = source.readline(100).split(b";")[0].strip()
        try:
            size = int(line, 16)
        except ValueError:
            raise Refused(400, "bad chunk") from None
        total += size
        if size < 0 or total > MAX_BODY_BYTES:
            raise Refused(413, "body too large")
        chunk = source.read(size)
        if len(chunk) < size:
            raise Refused(400, "the body ended early")
        source.readline(100)
        if not size:
            return
        yield chunk


def _plain(body: bytes) -> bytes:
    try:
        plain = gzip.GzipFile(fileobj=io.BytesIO(body)).read(MAX_BODY_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise Refused(400, "bad gzip body") from None
    if len(plain) > MAX_BODY_BYTES:
        raise Refused(413, "body too large")
    return plain


class Server(ThreadingHTTPServer):
    """Listens on 127.0.0.1 only. `stop` lets requests under way finish; idle connections just end."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, app: Callable[[Request], Response]) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.app = app
        self._idle = threading.Condition()
        self._active = 0

    @contextmanager
    def busy(self) -> Iterator[None]:
        with self._idle:
            self._active += 1
        try:
            yield
        finally:
            with self._idle:
                self._active -= 1
                self._idle.notify_all()

    def drain(self, timeout_s: float) -> None:
        """Wait until no request is under way, at most `timeout_s`."""
        with self._idle:
            self._idle.wait_for(lambda: self._active == 0, timeout_s)

    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("connection ended", exc_info=True)
