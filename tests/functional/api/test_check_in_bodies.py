"""What no agent sends: bodies that are too large, too deep, or no JSON at all."""

import json

import pytest

from tests.functional.api.conftest import report


@pytest.mark.parametrize(
    ("raw", "headers", "status"),
    [
        (b"[" * 100_000 + b"]" * 100_000, {}, 400),
        (b'{"runs":' * 20_000 + b"1" + b"}" * 20_000, {}, 400),
        (b" " * (300 * 1024), {}, 413),
        (b"x" * (10 * 1024 * 1024), {}, 413),
        (b"\xff\xfe{}", {}, 400),
        (b"run_id=1", {"Content_Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_a_check_in_that_cannot_be_read_is_refused_in_the_one_error_body(api, ada, agent, raw, headers, status):
    station = api.as_(agent["token"])

    answer = station.call("POST", "/api/runs/check-in", raw=raw, **headers)

    assert answer.status == status
    assert answer.body["error"]["message"]
    assert ada.get("/api/runs").body["runs"] == []
    assert station.call("POST", "/api/runs/check-in", raw=json.dumps(report(agent)).encode()).status == 201
