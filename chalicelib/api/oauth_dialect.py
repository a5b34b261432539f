"""How OAuth words an error (RFC 6749, 5.2): its clients read `error` as one word at the top, where ours is an object."""

from chalice.app import Response

_WORDS = {429: "slow_down", 503: "temporarily_unavailable"}


def spoken(response: Response) -> Response:
    """Return an answer of ours as OAuth would give it; what cannot be read at all is a 400 there."""
    body = response.body
    if not isinstance(body, dict) or "error" not in body:
        return response
    error, status = body["error"], response.status_code
    words = "; ".join([error["message"], *(f"{field} {problem}" for field, problem in error["problems"].items())])
    # 400 is the word of a grant, unless the bytes could not even be read.
    is_grants = status == 400 and error["code"] != "malformed"
    if status in (413, 415, 422):
        response.status_code = 400
    code = error["code"] if is_grants else _WORDS.get(status, "server_error" if status >= 500 else "invalid_request")
    response.body = {"error": code, "error_description": words, "request_id": error["request_id"]}
    return response
