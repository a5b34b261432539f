"""The packaged application behind the front door."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from infra.local.layout import Layout
from infra.local.stack import Stack
from infra.package import package
from tests.e2e.tenants import new_tenant

TIMEOUT_S = 30


def test_the_front_door_answers_health(stack: Stack):
    answer = requests.get(f"{stack.ports.api_url}/health", timeout=TIMEOUT_S)

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_an_unknown_route_is_not_found(stack: Stack):
    answer = requests.get(f"{stack.ports.api_url}/api/nonsense", timeout=TIMEOUT_S)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_route_without_credentials_is_refused(stack: Stack):
    answer = requests.get(f"{stack.ports.api_url}/api/jobs", timeout=TIMEOUT_S)

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")


def test_deploying_again_keeps_the_tenants(stack: Stack, tmp_path: Path):
    tenant = new_tenant(stack, Layout(tmp_path))

    done = stack.deploy(package())

    assert done == "unchanged"
    assert tenant.api.get("/api/auth/me")["user"]["state"] == "active"


def test_a_method_that_is_not_there_is_said_by_the_gateway_in_our_words(stack: Stack):
    answer = requests.put(f"{stack.ports.api_url}/health", timeout=TIMEOUT_S)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert answer.headers["X-Request-Id"] == answer.json()["error"]["request_id"]


def test_a_burst_over_the_templates_ceiling_is_refused_by_the_gateway(stack: Stack):
    # 10 a second, 20 at once; nothing else in these tests comes by this older path.
    with requests.Session() as session, ThreadPoolExecutor(4) as pool:
        url = f"{stack.ports.api_url}/api/agents/enroll"
        answers = list(pool.map(lambda _: session.post(url, timeout=TIMEOUT_S), range(80)))

    (refused, *_) = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {401, 429}
    assert (refused.json()["error"]["code"], refused.headers["Retry-After"]) == ("rate_limited", "1")
    # What we count says more; this one never reached us.
    assert "X-RateLimit-Limit" not in refused.headers
