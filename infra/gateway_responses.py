"""What API Gateway answers by itself, before or instead of a function: our error body and our headers.

infra/resources.yaml holds them as made by `make docs`. The embedded AWS ignores that part of a template, so that
infra/local/gateway.py puts them there by the calls that AWS has for it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.api.security_headers import SECURITY_HEADERS


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """kind: API Gateway's word. status: None keeps what API Gateway has for each case that falls under the kind."""

    kind: str
    status: int | None
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


_NOWHERE = "there is no such route; see docs/openapi.json for paths and methods"
_REFUSED = "the gateway refused this request"
TABLE = (
    # What is left: requests to unknown paths whose Authorization header it takes for a signature of its own.
    GatewayResponse("DEFAULT_4XX", 404, "not_found", _NOWHERE),
    GatewayResponse("DEFAULT_5XX", None, "internal", "this is our mistake; it has been logged under the request id"),
    GatewayResponse("MISSING_AUTHENTICATION_TOKEN", 404, "not_found", _NOWHERE),
    GatewayResponse("RESOURCE_NOT_FOUND", 404, "not_found", _NOWHERE),
    GatewayResponse("INVALID_SIGNATURE", 404, "not_found", _NOWHERE),
    GatewayResponse("EXPIRED_TOKEN", 404, "not_found", _NOWHERE),
    GatewayResponse("ACCESS_DENIED", 403, "forbidden", _REFUSED),
    GatewayResponse("UNAUTHORIZED", 401, "unauthenticated", _REFUSED, {"WWW-Authenticate": "Bearer"}),
    GatewayResponse("INVALID_API_KEY", 403, "forbidden", _REFUSED),
    GatewayResponse("WAF_FILTERED", 403, "forbidden", _REFUSED),
    GatewayResponse("BAD_REQUEST_BODY", 400, "malformed", "the body cannot be read"),
    GatewayResponse("BAD_REQUEST_PARAMETERS", 400, "malformed", "the path, query or a header cannot be read"),
    GatewayResponse("REQUEST_TOO_LARGE", 413, "too_large", "the request is too large; a body holds at most 262144 bytes"),
    GatewayResponse("UNSUPPORTED_MEDIA_TYPE", 415, "unsupported_media_type", "send application/json"),
    GatewayResponse(
        "THROTTLED",
        429,
        "rate_limited",
        "too many requests from everybody together; try again in a second",
        {"Retry-After": "1"},
    ),
    GatewayResponse("QUOTA_EXCEEDED", 429, "rate_limited", "too many requests; try again later", {"Retry-After": "60"}),
    GatewayResponse(
        "INTEGRATION_TIMEOUT",
        504,
        "timeout",
        "no answer in time; what was asked may have been done: look before you try again, or send an Idempotency-Key",
        {"Retry-After": "5"},
    ),
    GatewayResponse("INTEGRATION_FAILURE", 503, "unavailable", "the API could not be reached; try again", {"Retry-After": "5"}),
)


def section() -> str:
    """Return the YAML lines below GatewayResponses."""
    return "".join(_lines(one) for one in TABLE)


def _lines(one: GatewayResponse) -> str:
    facts: dict[str, object] = {"StatusCode": one.status} if one.status else {}
    facts["ResponseParameters"] = {"Headers": _headers(one)}
    facts["ResponseTemplates"] = {"application/json": _body(one)}
    rows = [f"          {name}: {json.dumps(value)}\n" for name, value in facts.items()]
    return "".join([f"        {one.kind}:\n", *rows])


def _headers(one: GatewayResponse) -> dict[str, str]:
    # What stands in single quotes is meant as it is, everything else names a place in the request.
    fixed = {name: f"'{value}'" for name, value in {**SECURITY_HEADERS, **one.headers}.items()}
    return fixed | {"X-Request-Id": "context.requestId"}


def _body(one: GatewayResponse) -> str:
    facts = {"code": one.code, "message": one.message, "problems": {}, "request_id": "$context.requestId"}
    return json.dumps({"error": facts})
