"""One error body everywhere, and which HTTP status each error of ours is."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from chalicelib.domain.errors import (
    Conflict,
    CrontopusError,
    Forbidden,
    Gone,
    GrantRefused,
    Invalid,
    Malformed,
    NotFound,
    Stalled,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from chalicelib.domain.idempotency import InProgress


class UnsupportedMedia(CrontopusError):
    """The body comes in a format the route does not read."""

    code = "unsupported_media_type"


STATUS: dict[type[CrontopusError], int] = {
    Malformed: 400,
    GrantRefused: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Gone: 410,
    TooLarge: 413,
    UnsupportedMedia: 415,
    Invalid: 422,
    TooManyRequests: 429,
    Stalled: 500,
    Unavailable: 503,
}

ErrorAnswer = tuple[int, dict[str, Any], dict[str, str]]


def translate(error: CrontopusError, request_id: str) -> ErrorAnswer:
    """Return status, body and headers for an error."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    headers = {}
    if isinstance(error, Unavailable | TooManyRequests | InProgress):
        headers["Retry-After"] = str(error.retry_after_s)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return status, _body(error.code, error.message, error.problems, request_id), headers


def unexpected(request_id: str) -> ErrorAnswer:
    """Return the answer for a bug of ours: nothing about it leaves the log."""
    return 500, _body("internal", "this is our mistake; it has been logged under the request id", {}, request_id), {}


def of_status(status: int, request_id: str) -> ErrorAnswer:
    """Return the answer for what never reached a route, by the status it was given elsewhere."""
    if status >= 500:
        return unexpected(request_id)
    code, message = _ELSEWHERE.get(status, ("malformed", "the request cannot be read"))
    return status, _body(code, message, {}, request_id), {}


_ELSEWHERE = {
    403: ("not_found", "there is no such route; see docs/openapi.json for paths and methods"),
    404: ("not_found", "there is no such route; see docs/openapi.json for paths and methods"),
    405: ("method_not_allowed", "this path has no such method; the header Allow names those it has"),
    415: ("unsupported_media_type", "send application/json"),
}


def problems_of(error: ValidationError) -> dict[str, str]:
    """Return what pydantic found, as path of the field -> words."""
    return dict(_problem(found) for found in error.errors())


def _problem(found: Mapping[str, Any]) -> tuple[str, str]:
    # A part that begins with ~ names the variant of a body, which no caller wrote.
    path = ".".join(str(part) for part in found["loc"] if not str(part).startswith("~"))
    words = _words(found)
    if found["type"] == "value_error" and not path and ": " in words:
        path, _, words = words.partition(": ")
    return path or "body", words


def _words(found: Mapping[str, Any]) -> str:
    context = found.get("ctx", {})
    match found["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "unknown field; remove it or check the spelling"
        case "string_too_long":
            return f"at most {context['max_length']} characters"
        case "value_error":
            return str(context["error"])
    return str(found["msg"]).removeprefix("Input ").replace("should be", "must be")


def _body(code: str, message: str, problems: Mapping[str, str], request_id: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "problems": dict(problems), "request_id": request_id}}
