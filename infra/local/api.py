"""The application's HTTP API as the demo uses it: a signed-in user."""

from collections.abc import Mapping
from typing import Any

import requests

from infra.local.kept_secrets import Account
from infra.local.stopped import Stopped

_TIMEOUT_S = 30.0


class Refused(Stopped):
    """The API refused a request. status: its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """The API at `url` for one user, who is signed in again when the access token has expired."""

    def __init__(self, url: str, account: Account, session: requests.Session | None = None) -> None:
        self._url = url
        self._account = account
        self._session = session or requests.Session()

    def register(self) -> Mapping[str, Any]:
        """Register the user; repeated with the same password it completes what was begun."""
        login = self._account.login
        body = {"username": login, "email": f"{login}@example.org", "password": self._account.password}
        return self._send("POST", "/api/auth/register", json=body)

    def login(self) -> None:
        """Sign in. Raise Refused (401) if the user is unknown."""
        form = {"username": self._account.login, "password": self._account.password, "grant_type": "password"}
        self._session.headers.pop("Authorization", None)
        token = self._send("POST", "/api/auth/login", data=form)["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **query: str | int) -> Mapping[str, Any]:
        return self._signed_in("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._signed_in("POST", path, json=body)

    def _signed_in(self, method: str, path: str, **request: Any) -> Mapping[str, Any]:
        if "Authorization" not in self._session.headers:
            self.login()
        try:
            return self._send(method, path, **request)
        except Refused as e:
            if e.status != 401:
                raise
        self.login()
        return self._send(method, path, **request)

    def _send(self, method: str, path: str, **request: Any) -> Mapping[str, Any]:
        try:
            response = self._session.request(method, self._url + path, timeout=_TIMEOUT_S, **request)
        except requests.RequestException as e:
            raise Stopped(f"{method} {self._url}{path} got no answer: {e}") from e
        if not response.ok:
            raise Refused(response.status_code, f"{method} {path} was answered {response.status_code}: {response.text[:1000]}")
        answer: Mapping[str, Any] = response.json()
        return answer
