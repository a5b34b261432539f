"""The running API keeps to docs/openapi.json: statuses, content types, bodies; whoever asks, and whatever is asked."""

import secrets
from collections import Counter

import pytest
import requests

from infra.local.deploy import connect
from infra.local.stack import Stack
from tests.e2e.fuzzing import Fuzzer, credential_of, operations

TIMEOUT_S = 30
PASSWORD = "correct horse battery"
# What nobody can be let into by a key of ours: its sender signs.
UNSENT = {"webhook"}


class Tenant:
    """A new tenant with one of everything."""

    def __init__(self, stack: Stack) -> None:
        self._url = stack.ports.api_url
        self.name = f"fuzzed-{secrets.token_hex(4)}"
        self.token = ""
        self.post("/api/auth/register", {"username": self.name, "email": f"{self.name}@example.org", "password": PASSWORD})
        self.log_in()

    def log_in(self) -> None:
        form = {"username": self.name, "password": PASSWORD}
        answer = requests.post(f"{self._url}/api/auth/login", data=form, timeout=TIMEOUT_S)
        self.token = answer.json()["access_token"]

    def post(self, path: str, body: dict) -> dict:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = requests.post(self._url + path, json=body, headers=headers, timeout=TIMEOUT_S)
        assert answer.ok, answer.text
        return dict(answer.json())


def operator_of(stack: Stack) -> Tenant:
    tenant = Tenant(stack)
    connect(stack.ports.aws_url).dynamodb.update_item(
        TableName="crontopus-local-tenants",
        Key={"tenant_id": {"S": tenant.name}},
        UpdateExpression="SET is_operator = :yes",
        ExpressionAttributeValues={":yes": {"BOOL": True}},
    )
    tenant.log_in()
    return tenant


@pytest.fixture(scope="module")
def fuzzed(stack: Stack) -> Fuzzer:
    ada, victim = Tenant(stack), Tenant(stack)
    token = ada.post("/api/tokens", {"name": "fuzz", "scopes": ["admin:*"]})
    enrollment = ada.post("/api/enrollment-tokens", {"name": "fuzz", "max_uses": 1000})
    facts = {"name": "web-1", "hostname": "web-1", "platform": "linux", "version": "1", "machine_id": "a" * 64}
    endpoint = ada.post("/api/endpoints/enroll", facts)
    job = ada.post("/api/jobs", {"name": "job", "schedule": "@daily", "command": "true"})["job"]
    tokens = {
        "user": token["plain_text"],
        "operator": operator_of(stack).token,
        "endpoint": endpoint["token"],
        "enroll": enrollment["token"],
    }
    # Its own token is not among the things: a test that revokes it tests nothing from then on.
    things = {
        "namespace": "default",
        "name": "job",
        "endpoint_id": endpoint["endpoint"]["id"],
        "check_key": job["id"],
        "first": job["id"],
        "tenant_id": victim.name,
        "platform": "linux",
    }
    fuzzer = Fuzzer(stack.ports.api_url, tokens, things, examples=1)
    fuzzer.run_all()
    return fuzzer


def test_no_answer_is_a_mistake_of_ours_or_undocumented(fuzzed: Fuzzer):
    assert not fuzzed.problems, "\n\n".join(f"{name}\n{words}" for name, words in fuzzed.problems.items())


def test_every_operation_was_asked(fuzzed: Fuzzer):
    assert set(fuzzed.statuses) == {operation.label for operation in operations()}


def test_what_takes_a_credential_was_entered_with_it_and_refused_without(fuzzed: Fuzzer):
    protected = [one.label for one in operations() if credential_of(one) not in ("none", *UNSENT)]
    entered = Counter(bool(fuzzed.statuses[label] - {401, 403}) for label in protected)

    assert {label for label in protected if 401 not in fuzzed.statuses[label]} == set()
    assert entered[False] <= len(protected) // 10, [one for one in protected if not fuzzed.statuses[one] - {401, 403}]
