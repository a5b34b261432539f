"""The one door to the API: which credential goes with a request, and what its answer means."""

import uuid
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import click
import requests

from cli import answers
from cli.answers import Answer, Body
from cli.credentials import Login, Logins
from cli.errors import Denied, Failure
from cli.transport import IDEMPOTENCY_KEY as KEY
from cli.transport import Request, Transport

Query = Mapping[str, str | int | Sequence[str] | None]
LOGIN_HINT = "run `crontopus auth login`"


def path(*segments: str) -> str:
    """Return the path below /api for these segments, each quoted. Raise click.UsageError if one would lead elsewhere."""
    for segment in segments:
        if segment in ("", ".", ".."):
            raise click.UsageError(f"{segment!r} is no name")
    return "/api/" + "/".join(quote(segment, safe="") for segment in segments)


class Client:
    """token: from the environment; None means the stored login of `account`, which is renewed when it has expired."""

    def __init__(self, transport: Transport, logins: Logins, account: str, *, token: str | None) -> None:
        self.transport = transport
        self.api_url = transport.api_url
        self.logins = logins
        self.account = account
        self.token = token

    def get(self, path: str, query: Query | None = None) -> Answer:
        given = {key: value for key, value in (query or {}).items() if value is not None}
        return self._authorized(Request("GET", path, query=given))

    def text(self, path: str, query: Query | None = None) -> str:
        """Return the body of an answer that is no JSON."""
        given = {key: value for key, value in (query or {}).items() if value is not None}
        response = self._answered(Request("GET", path, query=given, headers={"Accept": "text/plain, application/json"}))
        if response.status_code != 200:
            raise answers.failure(response, self.api_url)
        response.encoding = "utf-8"
        return response.text

    def peek(self, path: str) -> Answer | None:
        """Return what a GET gives at once, None if it gives nothing. Renews no login: a renewal must not be broken off."""
        stored = None if self.token else self.logins.find(self.account)
        token = self.token or (stored.access_token if stored else None)
        if token is None:
            return None
        response = self.transport.send(Request("GET", path), token)
        return answers.read(response, self.api_url) if response.status_code == 200 else None

    def post(self, path: str, body: Body | None = None) -> Answer:
        # With a key of its own the API does it once, however often it is sent; so it may be sent again.
        return self._authorized(Request("POST", path, body=body, headers={KEY: str(uuid.uuid4())}))

    def put(self, path: str, body: Body, *, if_match: str | None) -> Answer:
        return self._authorized(Request("PUT", path, body=body, headers={"If-Match": if_match} if if_match else {}))

    def patch(self, path: str, body: Body) -> Answer:
        return self._authorized(Request("PATCH", path, body=body))

    def delete(self, path: str) -> Answer:
        return self._authorized(Request("DELETE", path))

    def register(self, username: str, email: str, password: str) -> Answer:
        body = {"username": username, "email": email, "password": password}
        return self.public(Request("POST", "/api/auth/register", body=body))

    def login(self, username: str, password: str) -> Login:
        """Return a new login; nothing is stored."""
        form = {"grant_type": "password", "username": username, "password": password}
        return _login_of(username, self.public(Request("POST", "/api/auth/login", form=form)))

    def logout(self, refresh_token: str) -> None:
        """Make the login worthless on the server."""
        self.public(Request("POST", "/api/auth/logout", body={"refresh_token": refresh_token}))

    def owner(self) -> str:
        """Return who the API says we are, empty where our token may not ask. Raise Denied if we are nobody to it."""
        return self._name_in(self._answered(Request("GET", "/api/auth/me")))

    def owner_of(self, token: str) -> str:
        """The same for a token that is not stored yet."""
        return self._name_in(self.transport.send(Request("GET", "/api/auth/me"), token))

    def _name_in(self, response: requests.Response) -> str:
        # 403: the token is good, its scopes do not hold read:tenant.
        return "" if response.status_code == 403 else str(answers.read(response, self.api_url).part("user").get("username"))

    def public(self, request: Request) -> Answer:
        """Return the answer to a request that needs no login."""
        return answers.read(self.transport.send(request, None), self.api_url)

    def _authorized(self, request: Request) -> Answer:
        return answers.read(self._answered(request), self.api_url)

    def _answered(self, request: Request) -> requests.Response:
        token = self._access_token()
        response = self.transport.send(request, token)
        if response.status_code == 401 and not self.token:
            response = self.transport.send(request, self._renewed(token))
        if response.status_code == 401:
            raise self._refusal(response)
        return response

    def _access_token(self) -> str:
        if self.token:
            return self.token
        if login := self.logins.find(self.account):
            return login.access_token
        raise Denied(f"not logged in to {self.api_url}", hints=[LOGIN_HINT])

    def _renewed(self, stale: str) -> str:
        before = self.logins.find(self.account)
        login = self.logins.renew(self.account, stale, self._exchange)
        if login is None:
            what = "API token for" if before and before.refresh_token is None else "login to"
            raise Denied(f"the {what} {self.api_url} has expired or was revoked", hints=[LOGIN_HINT])
        return login.access_token

    def _exchange(self, login: Login) -> Login | None:
        if login.refresh_token is None:
            return None
        request = Request("POST", "/api/auth/refresh", body={"refresh_token": login.refresh_token})
        response = self.transport.send(request, None)
        if response.status_code == 401:
            return None
        return _login_of(login.username, answers.read(response, self.api_url))

    def _refusal(self, response: requests.Response) -> Failure:
        hint = "CRONTOPUS_TOKEN is set and was not accepted; correct or unset it" if self.token else LOGIN_HINT
        error = answers.failure(response, self.api_url)
        error.hints = (hint,)
        return error


def _login_of(username: str, answer: Answer) -> Login:
    return Login(username, str(answer.part("access_token")), str(answer.part("refresh_token")))
