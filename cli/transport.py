"""HTTP itself: one request out, one response back, or the reason why not."""

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from requests.auth import AuthBase

from cli.errors import Failure, Unavailable

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30
TRIES = 2
IDEMPOTENCY_KEY = "Idempotency-Key"

Trace = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """body: sent as JSON. form: sent as a form instead. path: already quoted."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    query: Mapping[str, str | int | Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class _Bearer(AuthBase):
    """Sets the token, or nothing. Given with every request, since requests would else take a password from ~/.netrc."""

    def __init__(self, token: str | None) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class Transport:
    """trace: gets a line per request and per answer; no body and no credential is ever in it."""

    def __init__(self, api_url: str, session: requests.Session, *, trace: Trace, user_agent: str) -> None:
        self.api_url = api_url
        self.session = session
        self.trace = trace
        self.user_agent = user_agent

    def send(self, request: Request, token: str | None) -> requests.Response:
        """Return the response, whatever its status. What does no harm twice is tried again, once, after a broken connection.

        Raise Unavailable if none came, Failure if the address or its certificate is wrong.
        """
        tries_left = TRIES if request.method == "GET" or IDEMPOTENCY_KEY in request.headers else 1
        while True:
            tries_left -= 1
            try:
                return self._send_once(request, token)
            except requests.RequestException as e:
                self.trace(f"< {type(e).__name__}: {e}")
                is_worth_another = isinstance(e, requests.ConnectionError) and not isinstance(e, requests.exceptions.SSLError)
                if not (tries_left and is_worth_another):
                    raise self._failure(e, request.method) from e

    def _send_once(self, request: Request, token: str | None) -> requests.Response:
        query = f"?{urlencode(request.query, doseq=True)}" if request.query else ""
        self.trace(f"> {request.method} {self.api_url}{request.path}{query}")
        if token:
            self.trace("> Authorization: Bearer [redacted]")
        started = time.monotonic()
        response = self.session.request(
            request.method,
            self.api_url + request.path,
            params=request.query,
            headers={"Accept": "application/json", "User-Agent": self.user_agent, **request.headers},
            json=request.body,
            data=request.form,
            auth=_Bearer(token),
            timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
            allow_redirects=False,  # a redirect would turn a POST into a GET
        )
        elapsed_ms = round((time.monotonic() - started) * 1000)
        kind = response.headers.get("Content-Type", "no content type")
        self.trace(f"< {response.status_code} {response.reason} ({kind}, {len(response.content)} bytes, {elapsed_ms} ms)")
        return response

    def _failure(self, error: requests.RequestException, method: str) -> Failure:
        if isinstance(error, requests.exceptions.SSLError):
            return Failure(f"{self.api_url} cannot be trusted", hints=[_reason(error), "check its TLS certificate"])
        if isinstance(error, requests.exceptions.InvalidURL):
            return Failure(f"{self.api_url} is no address: {error}", hints=["correct --api-url or CRONTOPUS_API_URL"])
        hints = [_reason(error), "is it running? Another address: --api-url or CRONTOPUS_API_URL"]
        if method != "GET" and not _never_arrived(error):
            hints.append("the change may have been made all the same: look before you try again")
        return Unavailable(f"cannot reach the Crontopus API at {self.api_url}", hints=hints)


def is_sent_in_clear(api_url: str) -> bool:
    """Tell whether what we send to this address crosses a network unencrypted."""
    parts = urlsplit(api_url)
    host = parts.hostname or ""
    return parts.scheme == "http" and host not in ("localhost", "::1") and not host.startswith("127.")


def _never_arrived(error: requests.RequestException) -> bool:
    """Tell whether it is sure that the request did not reach the API."""
    return isinstance(error, requests.ConnectTimeout) or isinstance(_cause(error), ConnectionRefusedError | socket.gaierror)


def _reason(error: requests.RequestException) -> str:
    """Return in a few words why there is no answer."""
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {CONNECT_TIMEOUT_S} s"
    if isinstance(error, requests.ReadTimeout):
        return f"no answer within {READ_TIMEOUT_S} s"
    cause = _cause(error)
    if isinstance(cause, socket.gaierror):
        return f"no such host ({cause.strerror})"
    return cause.strerror if cause and cause.strerror else f"the connection broke ({type(error).__name__})"


def _cause(error: requests.RequestException) -> OSError | None:
    """Return the system's error that lies under those of requests and urllib3, or None."""
    beneath: BaseException | None = error
    while beneath is not None:
        if isinstance(beneath, OSError) and (beneath.strerror or isinstance(beneath, socket.gaierror)):
            return beneath
        beneath = beneath.__cause__ or beneath.__context__
    return None
