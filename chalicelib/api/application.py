"""The Chalice application, with our error body where Chalice would answer by itself."""

import json
from collections.abc import Mapping
from typing import Any

from chalice.app import Chalice

from chalicelib.api.errors import of_status
from chalicelib.api.security_headers import SECURITY_HEADERS

REQUEST_ID = "X-Request-Id"


class Application(Chalice):
    """Chalice answers a method, a type or an event that it does not know before any route of ours is asked."""

    def __call__(self, event: Any, context: Any) -> Any:
        answer: dict[str, Any] = super().__call__(event, context)
        names = {name.lower() for part in ("headers", "multiValueHeaders") for name in answer.get(part) or ()}
        if "statusCode" not in answer or answer["statusCode"] < 400 or REQUEST_ID.lower() in names:
            return answer
        return _in_our_words(answer, event)


def _in_our_words(answer: Mapping[str, Any], event: Mapping[str, Any]) -> dict[str, Any]:
    request_id = event.get("requestContext", {}).get("requestId", "local")
    kept = {name: value for name, value in (answer.get("headers") or {}).items() if name.lower() == "allow" and value}
    # Chalice says 405 for a path that it does not have at all, too.
    is_nowhere = answer["statusCode"] == 405 and not kept
    status, body, headers = of_status(404 if is_nowhere else answer["statusCode"], request_id)
    shown = {**SECURITY_HEADERS, **headers, **kept, "Content-Type": "application/json", REQUEST_ID: request_id}
    return {"statusCode": status, "headers": shown, "multiValueHeaders": {}, "body": json.dumps(body)}
