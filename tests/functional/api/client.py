"""The application in process: requests go through Chalice as API Gateway would send them."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from chalice.test import Client, HTTPResponse

from app import app


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
        return Answer(answer.status_code, answer.headers, answer.json_body, answer.body.decode(errors="replace"))

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Answer:
        return self.call("PUT", path, body, **headers)

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


def connect() -> Client:
    return Client(app, stage_name="main")
