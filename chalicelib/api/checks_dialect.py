"""How the management API of healthchecks takes a credential and words an error: clients of it read `error` as text."""

from typing import Any

from chalice.app import Request, Response

_WORDS = {401: "wrong api key", 400: "could not parse request body", 404: "not found"}


def authorization(request: Request) -> str | None:
    """Return the Authorization header, or what stands for it in the header X-Api-Key."""
    key = request.headers.get("x-api-key")
    return f"Bearer {key}" if key else request.headers.get("authorization")


def spoken(request: Request, response: Response) -> Response:
    """Return an answer of ours as that API would give it: null fields left out, one line of text for an error."""
    body = response.body
    if not isinstance(body, dict):
        return response
    if "error" not in body:
        response.body = _without_nulls(body)
        return response
    error, status = body["error"], response.status_code
    words = _WORDS.get(status, error["message"])
    if status == 401 and authorization(request) is None:
        words = "missing api key"
    if error["code"] == "invalid":
        response.status_code = 400
        words = "json validation error: " + "; ".join(f"{field} {problem}" for field, problem in error["problems"].items())
    if status == 415:
        response.status_code, words = 400, _WORDS[400]
    response.body = {"error": words, "code": error["code"], "request_id": error["request_id"]}
    return response


# Null means something in these, so that they are there even so.
_NULLABLE = ("last_ping", "next_ping", "rid", "body_url")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None or key in _NULLABLE}
    return value
