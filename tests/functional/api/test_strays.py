"""What Chalice would answer by itself says it in our words."""

from chalicelib.api.security_headers import SECURITY_HEADERS


def event(app, method: str, path: str) -> dict:
    context = {"resourcePath": path, "httpMethod": method, "requestId": "r-1", "identity": {"sourceIp": "192.0.2.1"}}
    return {
        "requestContext": context,
        "headers": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "body": None,
        "stageVariables": None,
        "isBase64Encoded": False,
    }


def test_a_method_that_a_path_does_not_have_is_named_so(api):
    answer = api.call("PUT", "/health")

    assert (answer.status, answer.code, answer.headers["Allow"]) == (405, "method_not_allowed", "GET")
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert answer.headers["X-Request-Id"] == answer.body["error"]["request_id"]


def test_a_path_that_the_function_does_not_have_is_not_found():
    import json

    from app import app

    answer = app(event(app, "GET", "/api/nonsense"), None)

    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["error"]["request_id"] == "r-1"
    assert "Traceback" not in answer["body"]


def test_an_event_that_is_no_request_is_answered():
    from app import app

    assert app({}, None)["statusCode"] == 500
