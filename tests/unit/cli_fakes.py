"""What stands in for the network, the clock and the terminal in tests of the command line."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests
from click.testing import CliRunner, Result
from requests.adapters import BaseAdapter

from cli.invocation import Invocation
from cli.main import root

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
URL = "http://127.0.0.1:8080"
ENVIRON = {"CRONTOPUS_TOKEN": "token", "CRONTOPUS_CONFIG_DIR": "/nonexistent"}


@dataclass
class Reply:
    body: Any = None
    status: int = 200
    headers: Mapping[str, str] | None = None


class FakeApi(BaseAdapter):
    """Answers in the order given, whatever is asked; an exception is raised. requests: what was sent."""

    def __init__(self, *replies: Reply | Exception) -> None:
        super().__init__()
        self.replies = list(replies)
        self.requests: list[requests.PreparedRequest] = []
        self.timeouts: list[object] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if not self.replies and request.path_url == "/api/endpoints":
            # Tables of runs ask what their endpoints are called; most tests do not care.
            reply: Reply | Exception = Reply({"endpoints": []})
        else:
            self.requests.append(request)
            self.timeouts.append(kwargs.get("timeout"))
            reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        response = requests.Response()
        response.status_code, response.request, response.url = reply.status, request, str(request.url)
        is_raw = isinstance(reply.body, bytes)
        response._content = reply.body if is_raw else json.dumps(reply.body).encode()
        response.headers.update({"Content-Type": "text/html" if is_raw else "application/json", **(reply.headers or {})})
        return response

    def close(self) -> None:
        pass

    @property
    def sent(self) -> list[tuple[str | None, str]]:
        """Method and path, with the query, of each request."""
        return [(request.method, request.path_url) for request in self.requests]

    @property
    def last_body(self) -> Any:
        return json.loads(self.requests[-1].body or b"null")

    def session(self) -> requests.Session:
        session = requests.Session()
        session.mount("http://", self)
        session.mount("https://", self)
        return session


def refusal(status: int, code: str, message: str, problems: Mapping[str, str] | None = None, **headers: str) -> Reply:
    error = {"code": code, "message": message, "problems": dict(problems or {}), "request_id": "req-1"}
    return Reply({"error": error}, status, {key.replace("_", "-"): value for key, value in headers.items()})


def run(
    *args: str,
    api: FakeApi | None = None,
    environ: Mapping[str, str] = ENVIRON,
    has_terminal: bool = False,
    typed: str | bytes | None = None,
    sleep: Callable[[float], None] = lambda _: None,
) -> Result:
    """Run the command line as it is installed, up to but without `main`."""
    state = Invocation(
        environ,
        (api or FakeApi()).session(),
        now=lambda: NOW,
        zone=UTC,
        has_terminal=lambda: has_terminal,
        sleep=sleep,
        find_keyring=lambda: None,
    )
    return CliRunner().invoke(root, args, obj=state, input=typed, prog_name="crontopus")
