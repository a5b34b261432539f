"""One origin in front of the emulated API Gateway, and nothing else of the emulator behind it."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from chalicelib.api.security_headers import SECURITY_HEADERS
from infra.local.names import HOST
from infra.local.services import EMULATOR
from tests.fixtures.emulators import Running


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("front-door"))
    running.start(checkpoint_every_s=3600)
    running.deploy()
    yield running
    running.processes.stop(EMULATOR)


def test_before_the_first_deployment_it_says_when_to_come_again(tmp_path: Path):
    empty = Running(tmp_path)
    empty.start(checkpoint_every_s=3600)
    try:
        answer = empty.ask("/health")
    finally:
        empty.processes.stop(EMULATOR)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("path", ["/health", "/api/jobs", "/api/jobs/default/every%20minute"])
def test_the_application_answers_on_its_own_paths(deployed: Running, path: str):
    assert deployed.ask(path).json()["version"] == 1


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/_ministack/health",
        "/_aws/execute-api/x/v1/health",
        "/restapis",
        "/apis",
        "/healthy",
        "//api",
        "/crontopus-releases",
    ],
)
def test_everything_else_is_not_found(deployed: Running, path: str):
    answer = deployed.ask(path)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def error_of(answer: requests.Response) -> dict[str, Any]:
    """Return the error of an answer that looks like every other refusal of ours."""
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "problems", "request_id"}
    assert answer.headers["X-Request-Id"] == error["request_id"] != ""
    assert answer.headers["Content-Type"] == "application/json"
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    return dict(error)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/ping/x"), ("GET", "/health/x"), ("PUT", "/health"), ("DELETE", "/api/jobs")]
)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer cte_x"}])
def test_a_route_that_is_not_there_is_not_found(deployed: Running, method: str, path: str, headers: dict[str, str]):
    answer = deployed.ask(path, method, headers=headers)

    assert (answer.status_code, error_of(answer)["code"]) == (404, "not_found")


def test_what_the_door_itself_refuses_looks_the_same(deployed: Running):
    assert error_of(deployed.ask("/nowhere"))["code"] == "not_found"


def test_a_function_that_hangs_is_told_from_one_that_fails(deployed: Running):
    hanging, crashing = deployed.ask("/api/hang"), deployed.ask("/api/crash")

    assert (hanging.status_code, error_of(hanging)["code"], hanging.headers["Retry-After"]) == (504, "timeout", "5")
    assert (crashing.status_code, error_of(crashing)["code"]) == (500, "internal")
    assert "detail" not in crashing.text


def test_over_its_ceiling_a_method_is_refused_by_the_gateway(deployed: Running):
    answers = [deployed.ask("/api/busy") for _ in range(12)]

    refused = [answer for answer in answers if answer.status_code == 429]
    assert [answer.status_code for answer in answers[:3]] == [200] * 3
    assert len(refused) >= 5
    assert error_of(refused[0])["code"] == "rate_limited"
    assert refused[0].headers["Retry-After"] == "1"
    assert deployed.ask("/api/quiet").status_code == 200


def test_deploying_again_keeps_what_the_gateway_says(deployed: Running):
    before = deployed.clouds.gateway.get_rest_apis()["items"][0]["id"]
    deployments = deployed.clouds.gateway.get_deployments(restApiId=before)["items"]
    deployed.deploy()

    assert deployed.ask("/ping/x").json()["error"]["code"] == "not_found"
    assert deployed.clouds.gateway.get_deployments(restApiId=before)["items"] == deployments


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Amz-Target": "DynamoDB_20120810.ListTables"},
        {"Host": "dynamodb.us-east-1.amazonaws.com"},
        {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request"},
    ],
)
def test_no_header_leads_to_another_service(deployed: Running, headers: dict[str, str]):
    answer = deployed.ask("/api/tables", "POST", headers=headers, data="{}")

    assert answer.json()["path"] == "/api/tables"


def test_no_path_with_dots_leads_to_the_emulator(deployed: Running):
    with socket.create_connection((HOST, deployed.ports.front)) as connection:
        connection.sendall(b"GET /api/../_ministack/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert b"DynamoDB" not in answer
    assert b'"services"' not in answer


def test_the_caller_is_who_connected_whatever_it_claims(deployed: Running):
    answer = deployed.ask("/api/me", headers={"X-Forwarded-For": "203.0.113.9"})

    assert answer.json()["source"] == "127.0.0.1"


def test_a_body_larger_than_api_gateway_takes_is_refused(deployed: Running):
    answer = deployed.ask("/api/jobs", "POST", data=b"x" * (10 * 1024 * 1024 + 1))

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_it_listens_on_this_machine_only(deployed: Running):
    listening = Path("/proc/net/tcp").read_text()
    addresses = {line.split()[1] for line in listening.splitlines()[1:] if line.split()[3] == "0A"}
    ours = {a for a in addresses if int(a.split(":")[1], 16) in (deployed.ports.front, deployed.ports.aws)}

    assert {a.split(":")[0] for a in ours} == {"0100007F"}
