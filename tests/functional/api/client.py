"""The application in process: requests go through Chalice as API Gateway would send them."""

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from chalice.test import Client, HTTPResponse

from app import BLUEPRINTS, app
from chalicelib.api import openapi


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: Any
    text: str = ""

    @property
    def problems(self) -> dict[str, str]:
        return dict(self.body["error"]["problems"])

    @property
    def code(self) -> str:
        error = self.body["error"]
        return str(error["code"] if isinstance(error, dict) else self.body["code"])


class Api:
    """Sends JSON with a bearer token; `status` and `body` come back."""

    def __init__(self, client: Client, token: str | None = None) -> None:
        self._client = client
        self.token = token

    def as_(self, token: str | None) -> "Api":
        return Api(self._client, token)

    def call(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Answer:
        sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        payload = raw if raw is not None else json.dumps(body).encode() if body is not None else b""
        answer: HTTPResponse = self._client.http.request(method, path, headers=sent, body=payload)
        refuse_undocumented(method, path, answer)
        return Answer(answer.status_code, answer.headers, answer.json_body, answer.body.decode(errors="replace"))

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Answer:
        return self.call("PUT", path, body, **headers)

    def patch(self, path: str, body: Any) -> Answer:
        return self.call("PATCH", path, body)

    def delete(self, path: str) -> Answer:
        return self.call("DELETE", path)

    def form(self, path: str, fields: dict[str, str]) -> Answer:
        """Send a form as a browser does; `body` is the page's text."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = self._client.http.request("POST", path, headers=headers, body=urlencode(fields).encode())
        return Answer(answer.status_code, answer.headers, answer.body.decode())

    def page(self, path: str) -> Answer:
        """Open a page as a browser does."""
        answer = self._client.http.get(path)
        return Answer(answer.status_code, answer.headers, answer.body.decode())

    def login(self, username: str, password: str) -> Answer:
        form = urlencode({"username": username, "password": password}).encode()
        return self.call("POST", "/api/auth/login", raw=form, Content_Type="application/x-www-form-urlencoded")


@cache
def documented() -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    """Return method, path and answers of every operation, those without parameters first."""
    paths = openapi.document(spec for blueprint in BLUEPRINTS for spec in blueprint.specs)["paths"]
    return [
        (method.upper(), re.compile(re.sub(r"{\w+}", "[^/]+", path)), operation["responses"])
        for path, operations in sorted(paths.items(), key=lambda item: item[0].count("{"))
        for method, operation in operations.items()
    ]


def refuse_undocumented(method: str, path: str, answer: HTTPResponse) -> None:
    """Fail the test if a route answers with a status or a type that docs/openapi.json does not name."""
    route = unquote(urlsplit(path).path).rstrip("/") or "/"
    responses = next((said for verb, pattern, said in documented() if verb == method and pattern.fullmatch(route)), None)
    if responses is None or answer.status_code == 405:
        return
    said = responses.get(str(answer.status_code))
    assert said, (
        f"{method} {path} answered {answer.status_code}, which its declaration does not tell; see also= in api/statuses.py"
    )
    given = answer.headers.get("Content-Type", "application/json").split(";")[0]
    assert given in said.get("content", {given: 0}), f"{method} {path} answered {answer.status_code} as {given}"


def connect() -> Client:
    return Client(app, stage_name="main")
