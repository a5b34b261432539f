"""The wire to the forge: one host, one credential, a deadline and a size, whatever the other side answers."""

import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from agent.config import is_loopback
from agent.tls import restrict
from agent.trust import EVERYBODY, Trust
from chalicelib.domain.errors import Stalled, Unavailable

CONNECT_S = 5.0
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """total_s: for one exchange. read_s: without a single byte. max_bytes: of one exchange."""

    total_s: float = 60
    read_s: float = 10
    max_bytes: int = 64 * 1024 * 1024


DEFAULT_LIMITS = Limits()


class Door:
    """What dulwich takes for a pool of connections (`headers`, `request`).

    url: of the repository; nothing else is ever asked. The credential lives here, in memory, and goes nowhere but into the
    Authorization header. Every answer but 200 is raised as Stalled or Unavailable.
    """

    headers: Mapping[str, str] = {}

    def __init__(
        self, url: str, username: str, password: str, limits: Limits = DEFAULT_LIMITS, trust: Trust = EVERYBODY
    ) -> None:
        self.url = url
        self.limits = limits
        self.deadline = 0.0
        self.left_bytes = 0
        self._pool = _pool(url, limits.read_s, trust)
        self._authorization = urllib3.make_headers(basic_auth=f"{username}:{password}")

    def begin(self) -> None:
        """Start the clock and the count anew: what follows is one exchange."""
        self.deadline = time.monotonic() + self.limits.total_s
        self.left_bytes = self.limits.max_bytes

    def request(self, method: str, url: str, **options: Any) -> "Answer":
        """Send one request of the git protocol. The signature is dulwich's."""
        if not url.startswith(self.url + "/"):
            raise Stalled(f"the forge sent us to {url}, which is not its repository", code="source_missing")
        headers = {**options.pop("headers", {}), **self._authorization}
        try:
            response = self._pool.request(method, url, headers=headers, redirect=False, retries=False, **options)
        except HTTPError as e:
            raise Unavailable(f"the forge cannot be reached: {_reason(e)}", code="git_unavailable") from e
        _refuse_status(response, self.url)
        return Answer(response, self._take)

    def _take(self, size: int) -> None:
        self.left_bytes -= size
        if self.left_bytes < 0:
            raise Stalled(f"the repository is larger than {self.limits.max_bytes >> 20} MiB", code="source_too_large")
        if time.monotonic() > self.deadline:
            raise Unavailable(f"the forge took longer than {self.limits.total_s:g} s", code="git_unavailable")


class Answer:
    """A response whose body is counted and timed as it is read."""

    def __init__(self, response: Any, take: Callable[[int], None]) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._take = take
        self._buffer = b""

    def geturl(self) -> str:
        return str(self._response.geturl() or "")

    def read(self, size: int | None = None) -> bytes:
        """Return `size` bytes, fewer only at the end; all that is left for None.

        It takes what the network has, piece by piece: a forge that drips must not outlast the deadline within one call.
        """
        while size is None or len(self._buffer) < size:
            try:
                chunk = self._response.read1(_CHUNK)
            except HTTPError as e:
                raise Unavailable(f"the forge broke off: {_reason(e)}", code="git_unavailable") from e
            self._take(len(chunk))
            if not chunk:
                break
            self._buffer += chunk
        size = len(self._buffer) if size is None else size
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def close(self) -> None:
        """Keep the connection if the body was read to its end, else drop it."""
        if not self._buffer and (self._response.length_remaining == 0 or not self.read(1)):
            self._response.release_conn()
        else:
            self._response.close()


def _pool(url: str, read_s: float, trust: Trust) -> Any:
    manager = _manager(
        url, {"timeout": urllib3.Timeout(connect=CONNECT_S, read=read_s), "maxsize": 1, "ca_certs": trust.ca_file}
    )
    restrict(manager, trust)
    return manager


def _manager(url: str, settings: Mapping[str, Any]) -> Any:
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxy = urllib.request.getproxies().get(parts.scheme)
    if not proxy or is_loopback(host) or urllib.request.proxy_bypass(host):
        return urllib3.PoolManager(**settings)
    login = urlsplit(proxy)
    headers = urllib3.make_headers(proxy_basic_auth=f"{login.username}:{login.password or ''}") if login.username else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **settings)


def _refuse_status(response: Any, url: str) -> None:
    status = response.status
    if status == 200:
        return
    response.close()
    if status in (401, 403):
        raise Stalled(f"the forge refuses our credential (HTTP {status})", code="git_auth")
    if status in (404, 410):
        raise Stalled(f"there is no repository at {url} (HTTP {status})", code="source_missing")
    if status == 429 or status >= 500:
        wait = response.headers.get("Retry-After", "")
        wait_s = min(int(wait), 3600) if wait.isdigit() else 5
        raise Unavailable(f"the forge answered HTTP {status}", code="git_unavailable", retry_after_s=wait_s)
    raise Stalled(f"the forge answered HTTP {status}, which is no answer of a git server", code="source_missing")


def _reason(error: HTTPError) -> str:
    """Return the kind of failure; the text of these errors may hold more than a log should."""
    cause = getattr(error, "reason", None) or error
    return type(cause).__name__
