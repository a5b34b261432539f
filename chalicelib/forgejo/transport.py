"""The door to the forge's HTTP API: one credential, limits, retries, and every failure in our own words."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import requests
from requests.auth import AuthBase

from chalicelib.domain.errors import Conflict, CrontopusError, Invalid, NotFound, TooLarge, Unavailable

log = logging.getLogger(__name__)

TIMEOUTS_S = (3, 10)  # to connect, between two bytes of the answer
# One that hangs is not asked again: API Gateway gives a request 29 s, and a commit that hung still has to be looked for.
RETRY_WITHIN_S = 8
MAX_ANSWER_BYTES = 48 * 1024 * 1024
TRIES = 3
UNAVAILABLE = "git_unavailable"
UNREADABLE = "the forge sent an answer we cannot read"
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> object:
        """Return the body, parsed. Raise Unavailable if it is no JSON."""
        try:
            parsed: object = json.loads(self.body)
        except ValueError as e:
            raise unavailable(UNREADABLE) from e
        return parsed

    def pick(self, *keys: str | int, kind: type[T]) -> T:
        return pick(self.json(), *keys, kind=kind)

    @property
    def message(self) -> str:
        """The forge's own words, for sorting errors; never shown or logged, since they may hold a credential."""
        try:
            return self.pick("message", kind=str)
        except Unavailable:
            return ""


def pick(value: Any, *keys: str | int, kind: type[T]) -> T:
    """Return what lies at the end of `keys` in parsed JSON. Raise Unavailable if it is not there, or of another kind."""
    try:
        for key in keys:
            value = value[key]
    except (LookupError, TypeError) as e:
        raise unavailable(UNREADABLE) from e
    if not isinstance(value, kind):
        raise unavailable(UNREADABLE)
    return value


class Transport:
    """auth: the credential of every call made here. sleep, jitter (0..1): the waiting between tries.

    on_refusal: told when the forge does not know the credential any more.
    """

    def __init__(
        self,
        url: str,
        auth: AuthBase,
        session: requests.Session,
        sleep: Callable[[float], None],
        jitter: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
        on_refusal: Callable[[], None] = lambda: None,
    ) -> None:
        self.url = url.rstrip("/")
        self._auth = auth
        self._session = session
        self._sleep = sleep
        self._jitter = jitter
        self._clock = clock
        self._on_refusal = on_refusal

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        accept: tuple[int, ...] = (),
    ) -> Answer:
        """Return a success or an answer whose code is in `accept`. Only for calls that may be made twice.

        Raise NotFound, Conflict, Invalid or TooLarge as the forge says, Unavailable if it stays silent, fails or refuses us.
        """
        answer = None
        started = self._clock()
        for attempt in range(TRIES):
            if attempt:
                if self._clock() - started > RETRY_WITHIN_S:
                    break
                self.pause(attempt)
            answer = self.attempt(method, path, query=query, body=body)
            if answer is not None and (answer.status < 500 or answer.status in accept):
                break
        if answer is not None and (answer.is_success or answer.status in accept):
            return answer
        raise refusal(answer, f"{method} {path}")

    def attempt(self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: object = None) -> Answer | None:
        """Return the answer to one request, whatever its code, or None if none came: then it may have been carried out."""
        url = f"{self.url}/api/v1/{path}"
        try:
            with self._session.request(
                method, url, params=query, json=body, auth=self._auth, timeout=TIMEOUTS_S, allow_redirects=False, stream=True
            ) as response:
                if response.status_code == 401:
                    self._on_refusal()
                return Answer(response.status_code, _read(response))
        except requests.RequestException as e:
            log.warning("forge did not answer", extra={"method": method, "path": path, "error": type(e).__name__})
            return None

    def pause(self, attempt: int) -> None:
        """Wait before try number `attempt` (from 1), longer each time, but never the same for two clients."""
        longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt)
        self._sleep(_FIRST_PAUSE_S + self._jitter() * (longest - _FIRST_PAUSE_S))


def api_path(*parts: str) -> str:
    """Return the parts joined by slashes, each encoded. Raise Invalid for a part that would climb out."""
    for part in parts:
        if part in ("", ".", ".."):
            raise Invalid.of({"path": f"{part!r} cannot be a part of a path"})
    return "/".join(quote(part, safe="") for part in parts)


def refusal(answer: Answer | None, call: str) -> CrontopusError:
    """Return the error for an answer that is no success. call: method and path, for the log and the message."""
    if answer is None:
        return unavailable("the forge did not answer")
    if answer.status == 404:
        return NotFound(f"not on the forge, or not visible to us: {call}")
    if answer.status in (409, 423):
        return Conflict(f"the forge refuses a change of its state: {call}")
    if answer.status == 413:
        return TooLarge(f"too large for the forge: {call}")
    if answer.status == 422:
        return Invalid(f"the forge does not take this: {call}")
    # What is left a caller cannot help: our credential, our mistake, a redirect, or a failing forge.
    log.error("forge refused", extra={"status": answer.status, "call": call})
    return unavailable(f"the forge answered {answer.status}")


def _read(response: requests.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(64 * 1024):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise TooLarge(f"the forge's answer is larger than {MAX_ANSWER_BYTES} bytes")
    return bytes(body)


def unavailable(message: str) -> Unavailable:
    """Return the error for everything a caller cannot help; its code is the one the API shows."""
    return Unavailable(message, code=UNAVAILABLE)
