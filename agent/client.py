"""The door to the control plane's API."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from agent import tls
from agent.config import Config
from chalicelib.domain.errors import (
    Conflict,
    CrontopusError,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    Stalled,
    TooLarge,
    Unauthenticated,
    Unavailable,
)

TIMEOUT_S = (3, 10)
PATIENCE_S = 20.0
MAX_ANSWER_BYTES = 1024 * 1024
MAX_WAIT_S = 3600
_ERRORS: dict[int, type[CrontopusError]] = {
    400: Malformed,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: Invalid,
}
# Words of the API that say more than their status. Others are not taken over: our codes stand for what to do about them.
_FATES = {"endpoint_revoked": 401, "endpoint_gone": 410, "duplicate_instance": 409}


class _Bearer(AuthBase):
    """Setting a header would not do: requests would rather take a password from ~/.netrc."""

    def __init__(self, token: str | Callable[[], str]) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        token = self.token if isinstance(self.token, str) else self.token()
        request.headers["Authorization"] = f"Bearer {token}"
        return request


def open_api(config: Config, token: str | Callable[[], str]) -> "Api":
    """Return the control plane of this configuration, reached as it says."""
    return Api(config.api_url, token, tls.session(config.trust))


class Api:
    """Calls in the name of one token. One object per thread: sessions are not shared.

    token: itself, or what reads it anew for every call.
    """

    def __init__(
        self,
        url: str,
        token: str | Callable[[], str],
        session: requests.Session | None = None,
        *,
        timeout_s: tuple[float, float] = TIMEOUT_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """timeout_s: for the connection, and for the next byte. patience_s: for the whole of an answer that has begun."""
        self.url = url.rstrip("/")
        self.timeout_s = timeout_s
        self.patience_s = patience_s
        self._session = session or requests.Session()
        self._auth = _Bearer(token)

    def enroll(self, facts: Mapping[str, str | None]) -> dict[str, Any]:
        """Let this machine in; see POST /api/endpoints/enroll."""
        return self._post("/api/endpoints/enroll", facts)

    def rotate(self, endpoint_id: str) -> dict[str, Any]:
        """Ask for the token that follows ours; see POST /api/endpoints/{endpoint_id}/token."""
        return self._post(f"/api/endpoints/{endpoint_id}/token", {})

    def release(self) -> dict[str, Any]:
        """Ask where releases of the agent lie; see GET /api/agent/release."""
        return self._call("GET", "/api/agent/release")

    def heartbeat(self, endpoint_id: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Say that we live, and how."""
        return self._post(f"/api/endpoints/{endpoint_id}/heartbeat", body)

    def tell_instances(self, endpoint_id: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Say how each job stands here; see POST /api/endpoints/{endpoint_id}/job-instances."""
        return self._post(f"/api/endpoints/{endpoint_id}/job-instances", body)

    def tell_drift(self, endpoint_id: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Say what others did to our lines; see POST /api/endpoints/{endpoint_id}/drift."""
        return self._post(f"/api/endpoints/{endpoint_id}/drift", body)

    def tell_discovered(self, endpoint_id: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Say what stands beside our lines; see POST /api/endpoints/{endpoint_id}/discovered-jobs."""
        return self._post(f"/api/endpoints/{endpoint_id}/discovered-jobs", body)

    def check_in(self, runs: Sequence[Mapping[str, object]]) -> list[dict[str, Any]]:
        """Report runs and return what became of each, in words of the API (created, updated, duplicate, conflict, invalid)."""
        results = self._post("/api/runs/check-in", {"runs": list(runs)}).get("results")
        if not isinstance(results, list):
            raise Stalled("the API's answer to a check-in has no results", code="api_refused")
        return results

    def _post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        return self._call("POST", path, body)

    def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Return the answer. Raise the domain's error for everything else; none of them ever holds the token."""
        try:
            response = self._session.request(
                method, self.url + path, json=body, auth=self._auth, timeout=self.timeout_s, allow_redirects=False, stream=True
            )
            with response:
                content = _read(response.raw, time.monotonic() + self.patience_s)
        except requests.exceptions.SSLError as e:
            raise Unavailable(
                f"{self.url} shows a certificate that is not trusted: {tls.words(e)}", code="api_unavailable"
            ) from e
        except (requests.RequestException, HTTPError, OSError) as e:
            raise Unavailable(f"{self.url} cannot be reached: {type(e).__name__}", code="api_unavailable") from e
        document = _document(content)
        if response.status_code in (200, 201) and document is not None:
            return document
        raise _error(response.status_code, document, response.headers.get("Retry-After", ""))


def _read(raw: Any, until: float) -> bytes:
    """Return the body, or one byte more than we take. Raise TimeoutError if it is not there by then."""
    some: Callable[..., bytes] = getattr(raw, "read1", raw.read)  # the older urllib3 knows no other way than to wait for all
    content = b""
    while len(content) <= MAX_ANSWER_BYTES and (chunk := some(MAX_ANSWER_BYTES + 1 - len(content), decode_content=True)):
        content += chunk
        if time.monotonic() > until:
            raise TimeoutError("the answer does not end")
    return content


def _document(content: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(content) if len(content) <= MAX_ANSWER_BYTES else None
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _error(status: int, document: dict[str, Any] | None, retry_after: str) -> CrontopusError:
    told = (document or {}).get("error")
    told = told if isinstance(told, dict) else {}
    message = str(told.get("message") or f"the API answered HTTP {status}")[:500]
    if status == 429 or status >= 500 or (status < 400 and document is None):
        wait_s = min(int(retry_after), MAX_WAIT_S) if retry_after.isdigit() else 5
        return Unavailable(message, code="api_unavailable", retry_after_s=wait_s)
    if (fate := str(told.get("code"))) in _FATES and _FATES[fate] == status:
        return Stalled(message, code=fate)
    if status not in _ERRORS:
        return Stalled(f"HTTP {status}, which is no answer of the API: check api_url", code="api_refused")
    problems = told.get("problems")
    named = {str(key): str(value) for key, value in problems.items()} if isinstance(problems, dict) else {}
    return _ERRORS[status](message, problems=named)
