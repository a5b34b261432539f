"""Requests, answers and refusals, without sockets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. path: still percent-encoded; headers: names in lower case; query: the last value of each name."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Refused(Exception):
    """An answer other than success. Forgejo hides the message of a 500 from everyone but site admins; so do we."""

    def __init__(self, status: int, message: str = "", *, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


def json_response(status: int, value: object) -> Response:
    return Response(status, json.dumps(value).encode(), (("Content-Type", "application/json;charset=utf-8"),))


def json_body(request: Request) -> dict[str, Any]:
    """Return the JSON object of the body; an empty body is an empty object. Raise Refused (422)."""
    try:
        value = json.loads(request.body or b"{}")
    except ValueError:
        raise Refused(422, "the body is not JSON") from None
    if not isinstance(value, dict):
        raise Refused(422, "the body is not a JSON object")
    return value


def whole(text: str | None, default: int, highest: int) -> int:
    """Return a positive whole number of a query, capped at `highest`; anything else is the default."""
    number = int(text) if text and text.isdecimal() else default
    return min(number or default, highest)
