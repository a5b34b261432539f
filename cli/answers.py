"""What the API answered: a body to use, or the error to show."""

from dataclasses import dataclass
from typing import Any

import requests

from cli.errors import Conflict, Denied, Failure, Invalid, NotFound, Unavailable

Body = dict[str, Any]

_BY_STATUS: dict[int, type[Failure]] = {
    401: Denied,
    403: Denied,
    404: NotFound,
    408: Unavailable,
    409: Conflict,
    412: Conflict,
    413: Invalid,
    422: Invalid,
    429: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """body: the JSON object. etag: version of the thing, as it goes into If-Match; None where the API gave none."""

    body: Body
    etag: str | None = None

    def part(self, name: str) -> Any:
        """Return what the body holds under this name. Raise Failure if it is missing: the API is not the one we know."""
        if name not in self.body:
            raise Failure(f"the API's answer has no `{name}`", hints=["does this version of crontopus fit the API's?"])
        return self.body[name]


def read(response: requests.Response, api_url: str) -> Answer:
    """Return the answer of a request that succeeded. Raise the Failure that fits if it did not."""
    body = _json_object(response)
    if body is None and not response.content:
        body = {}
    if 200 <= response.status_code < 300 and body is not None:
        return Answer(body, response.headers.get("ETag"))
    raise failure(response, api_url)


def failure(response: requests.Response, api_url: str) -> Failure:
    """Return the error that a response stands for."""
    status = response.status_code
    if 300 <= status < 400:
        target = response.headers.get("Location", "elsewhere")
        return Failure(f"{api_url} sends us to {target}", hints=["give the final address with --api-url"])
    body = _json_object(response) or {}
    error = body.get("error")
    hints = _hints(response)
    if isinstance(error, dict):
        message = str(error.get("message") or f"the API answered {status}")
        request_id = str(error.get("request_id") or "")
        refusal = _kind(status)(message, problems=_problems(error), hints=hints, request_id=request_id)
        refusal.code = str(error.get("code") or "")
        refusal.retry_after_s = _retry_after_s(response) if status == 429 else None
        return refusal
    # What stands before the API (gateway, proxy) answers in its own words; its 404 says nothing about the thing asked for.
    kind = Failure if status == 404 else _kind(status)
    said = f": {body['message']}" if isinstance(body.get("message"), str) else f" with {_content_type(response)}, not our JSON"
    hint = "is that the address of a Crontopus API? Set another with --api-url or CRONTOPUS_API_URL"
    return kind(f"{api_url} answered {status}{said}", hints=hints or [hint])


def _kind(status: int) -> type[Failure]:
    return _BY_STATUS.get(status, Failure)


def _content_type(response: requests.Response) -> str:
    return response.headers.get("Content-Type", "no content type").split(";")[0]


def _hints(response: requests.Response) -> list[str]:
    if wait := _retry_after_s(response):
        return [f"try again in {wait} s"]
    return ["try again later"] if _kind(response.status_code) is Unavailable else []


def _retry_after_s(response: requests.Response) -> int | None:
    wait = response.headers.get("Retry-After", "")
    return int(wait) if wait.isascii() and wait.isdigit() else None


def _problems(error: Body) -> dict[str, str]:
    problems = error.get("problems")
    return {str(path): str(text) for path, text in problems.items()} if isinstance(problems, dict) else {}


def _json_object(response: requests.Response) -> Body | None:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None
