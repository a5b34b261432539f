"""What API Gateway says by itself is worded as everything else is."""

import json

import yaml

from chalicelib.api.errors import STATUS
from chalicelib.api.security_headers import SECURITY_HEADERS
from infra import gateway_responses
from infra.local.gateway import patches

# Source: API Gateway developer guide, gateway response types; three more exist for authorizers, which we have none of.
KINDS = {
    "ACCESS_DENIED", "BAD_REQUEST_BODY", "BAD_REQUEST_PARAMETERS", "DEFAULT_4XX", "DEFAULT_5XX", "EXPIRED_TOKEN",
    "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "INVALID_API_KEY", "INVALID_SIGNATURE", "MISSING_AUTHENTICATION_TOKEN",
    "QUOTA_EXCEEDED", "REQUEST_TOO_LARGE", "RESOURCE_NOT_FOUND", "THROTTLED", "UNAUTHORIZED", "UNSUPPORTED_MEDIA_TYPE",
    "WAF_FILTERED",
}  # fmt: skip


def made() -> dict:
    return dict(yaml.safe_load(gateway_responses.section()))


def test_every_kind_is_answered():
    assert set(made()) == KINDS


def test_every_body_is_the_one_error_body():
    for response in made().values():
        error = json.loads(response["ResponseTemplates"]["application/json"])["error"]
        assert set(error) == {"code", "message", "problems", "request_id"}
        assert error["request_id"] == "$context.requestId"


def test_every_answer_has_the_security_headers():
    for response in made().values():
        headers = response["ResponseParameters"]["Headers"]
        assert {name: headers[name] for name in SECURITY_HEADERS} == {
            name: f"'{text}'" for name, text in SECURITY_HEADERS.items()
        }
        assert headers["X-Request-Id"] == "context.requestId"


def test_its_words_mean_what_ours_mean():
    ours = {error.code: status for error, status in STATUS.items()} | {"internal": None, "timeout": 504}

    assert {one.kind: one.status for one in gateway_responses.TABLE} == {
        one.kind: ours[one.code] for one in gateway_responses.TABLE
    }


def test_a_setting_of_the_template_becomes_two_changes_of_the_stage():
    setting = {"ResourcePath": "/~1api~1jobs", "HttpMethod": "POST", "ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 100}

    assert patches([setting]) == [
        {"op": "replace", "path": "/~1api~1jobs/POST/throttling/rateLimit", "value": "50"},
        {"op": "replace", "path": "/~1api~1jobs/POST/throttling/burstLimit", "value": "100"},
    ]
    assert patches([setting | {"ResourcePath": "/*", "HttpMethod": "*"}])[0]["path"] == "/*/*/throttling/rateLimit"
