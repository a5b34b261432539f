"""HTTP to providers: what they answer is foreign, so it is bounded in time and size and never leads anywhere else."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from chalicelib.domain.errors import Unavailable

TIMEOUT_S = (3, 10)
MAX_ANSWER_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """status and, if the body was JSON, what it held; None otherwise."""

    status: int
    body: Any


class _Header(AuthBase):
    """Setting the header would not do: requests would rather take a password from ~/.netrc."""

    def __init__(self, value: str | None) -> None:
        self.value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.value:
            request.headers["Authorization"] = self.value
        return request


class Transport:
    """The way to one provider."""

    def __init__(self, session: requests.Session | None = None) -> None:
        self._session = session or requests.Session()
        self._session.headers.update({"Accept": "application/json", "User-Agent": "crontopus"})

    def get(self, url: str, authorization: str | None = None) -> Reply:
        """Return what a GET answers. Raise Unavailable if nothing usable comes back."""
        return self._call("GET", url, authorization)

    def post(self, url: str, form: Mapping[str, str], authorization: str | None = None) -> Reply:
        """Return what a POST of this form answers. Raise Unavailable if nothing usable comes back."""
        return self._call("POST", url, authorization, form)

    def _call(self, method: str, url: str, authorization: str | None, form: Mapping[str, str] | None = None) -> Reply:
        host = refuse_plain(url)
        try:
            with self._session.request(
                method, url, data=form, auth=_Header(authorization), timeout=TIMEOUT_S, allow_redirects=False, stream=True
            ) as response:
                raw = response.raw.read(MAX_ANSWER_BYTES + 1, decode_content=True)
        except (requests.RequestException, OSError) as e:
            raise unavailable(f"{host} cannot be reached ({type(e).__name__})") from e
        if len(raw) > MAX_ANSWER_BYTES:
            raise unavailable(f"{host} answered more than {MAX_ANSWER_BYTES} bytes")
        if response.status_code >= 500 or 300 <= response.status_code < 400:
            raise unavailable(f"{host} answered HTTP {response.status_code}")
        return Reply(response.status_code, _json(raw))


def refuse_plain(url: str) -> str:
    """Return the address' host. Raise Unavailable unless it is https, or http on this very machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_fine = bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)))
    except ValueError:
        host, is_fine = "", False
    if not is_fine or "@" in parts.netloc:
        raise unavailable(f"{url[:200]!r} is no address that is asked: it must be https, without a user name")
    return host


def unavailable(why: str) -> Unavailable:
    """Return the error for a provider that cannot be used now."""
    return Unavailable(f"the provider cannot be used now: {why}", code="sso_unavailable", retry_after_s=30)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
