"""The packaged application behind the front door."""

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


def test_an_unknown_route_is_a_client_error(stack: Stack):
    answer = requests.get(f"{stack.ports.api_url}/api/nonsense", timeout=TIMEOUT_S)

    assert answer.status_code in (403, 404)


def test_a_route_without_credentials_is_refused(stack: Stack):
    answer = requests.get(f"{stack.ports.api_url}/api/jobs", timeout=TIMEOUT_S)

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")


def test_deploying_again_keeps_the_tenants(stack: Stack, tmp_path: Path):
    tenant = new_tenant(stack, Layout(tmp_path))

    done = stack.deploy(package())

    assert done == "unchanged"
    assert tenant.api.get("/api/auth/me")["user"]["state"] == "active"
