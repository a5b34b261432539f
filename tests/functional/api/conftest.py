"""The API in process, on moto's tables and a real forge; two tenants, Ada and Eve, and an enrolled agent of Ada's."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine as clocks

from chalicelib import config
from chalicelib.domain.times import to_text
from chalicelib.forgejo.client import Forgejo
from chalicelib.services import audit, blocks, doors, jobs, rate_limits, retention, usage
from chalicelib.workers.runs import project_runs
from tests.fixtures.builders import JOB_ID, run_id
from tests.functional.api import forge as forges
from tests.functional.api.client import Answer, Api, connect
from tests.functional.api.mailbox import Mailbox
from tests.tables import Stream, aws

PASSWORD = "correct horse battery"
FACTS = {
    "name": "web-1",
    "hostname": "web-1.example.org",
    "platform": "linux",
    "version": "0.1.0",
    "machine_id": "a" * 64,
    "timezone": "Europe/Paris",
    "scheduler": "debian",
}


@pytest.fixture(scope="session")
def forge_url(tmp_path_factory) -> Iterator[str]:
    with forges.running_forge(tmp_path_factory.mktemp("forge")) as url:
        yield url


@pytest.fixture(scope="session")
def bot_token(forge_url) -> str:
    return forges.provisioned(forge_url)


@pytest.fixture
def forge(forge_url, bot_token, tmp_path, request) -> forges.TestForge:
    return forge_of(forge_url, bot_token, tmp_path, request.node.nodeid)


def forge_of(url: str, bot_token: str, folder: Path, name: str) -> forges.TestForge:
    """Return the forge with an organisation for whatever has this name."""
    organization = "crontopus-" + base64.b32encode(name.encode()).decode().lower().rstrip("=")[-24:]
    Forgejo(url, bot_token, basic=(forges.ADMIN, forges.ADMIN_PASSWORD)).ensure_organization(organization)
    return forges.TestForge(url, organization, folder, bot_token)


@pytest.fixture
def flaky_forge(api, monkeypatch) -> forges.FlakySession:
    """The transport between API and forge, ready to fail."""
    session = forges.FlakySession()
    monkeypatch.setattr(doors, "Forgejo", lambda url, token, **more: Forgejo(url, token, session, sleep=lambda _: None, **more))
    _forget_doors()
    return session


@pytest.fixture
def api(tables, forge, monkeypatch) -> Iterator[Api]:
    """The API without a credential."""
    with running_api(forge, monkeypatch) as api:
        yield api


@contextmanager
def running_api(forge: forges.TestForge, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The API over this forge and the tables that are there, without a credential."""
    monkeypatch.setenv("FORGE_URL", forge.url)
    monkeypatch.setenv("FORGE_ORGANIZATION", forge.organization)
    # For a symmetric key moto makes an RSA pair too, which takes 50 ms; it seals with this one just the same.
    key = aws("kms").create_key(KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    monkeypatch.setenv("KMS_KEY", key)
    secret = {
        "jwt_keys": {"test": base64.b64encode(bytes(32)).decode()},
        "forge_token": forge.bot_token,
        "forge_admin": f"{forges.ADMIN}:{forges.ADMIN_PASSWORD}",
    }
    aws("sqs").create_queue(QueueName="crontopus-mails")
    aws("secretsmanager").create_secret(Name="crontopus/test/app", SecretString=json.dumps(secret))
    _forget_doors()
    yield Api(connect())
    _forget_doors()


def _forget_doors() -> None:
    for kept in (doors.mail_queue, usage.meter, blocks.gate):
        kept.cache_clear()
    for cached in (config.load, doors.vault, doors._forge, doors._provisioning, rate_limits.limiter, audit.refusals):
        cached.cache_clear()
    jobs._listings.clear()
    retention.known.clear()


@pytest.fixture
def mailbox(api) -> Mailbox:
    return Mailbox()


def tenant(api: Api, name: str) -> Api:
    api.post("/api/auth/register", {"username": name, "email": f"{name}@example.org", "password": PASSWORD})
    return api.as_(api.login(name, PASSWORD).body["access_token"])


@pytest.fixture
def ada(api) -> Api:
    return tenant(api, "ada")


@pytest.fixture
def eve(api) -> Api:
    return tenant(api, "eve")


@pytest.fixture
def agent(ada) -> dict[str, Any]:
    """What Ada's machine was given when it enrolled."""
    return dict(ada.post("/api/endpoints/enroll", FACTS).body)


@pytest.fixture
def time_machine() -> Iterator[Any]:
    with clocks.travel(datetime.now(UTC), tick=True) as travelling:
        yield travelling


@pytest.fixture
def project(tables) -> Callable[[], None]:
    """What brings instances and days up to date with the ledger, by its stream and the worker as it is deployed."""
    stream = Stream("runs")

    def run() -> None:
        if records := stream.read():
            assert project_runs({"Records": records}, None) == {"batchItemFailures": []}

    return run


def beat(api: Api, agent: dict[str, Any], **changes: Any) -> Answer:
    path = changes.pop("path", "/api/endpoints/{}/heartbeat").format(changes.pop("endpoint_id", agent["endpoint"]["id"]))
    body = {"version": "0.1.0", "commit": "a" * 40, "spool_depth": 0, "clock_at": to_text(datetime.now(UTC))} | changes
    return api.as_(agent["token"]).post(path, body)


def report(agent: dict[str, Any], number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "run_id": run_id(number),
        "job_id": JOB_ID,
        "job_name": "backup",
        "namespace": "default",
        "endpoint_id": agent["endpoint"]["id"],
        "status": "success",
        "started_at": "2026-11-20T12:00:00.000Z",
        "finished_at": "2026-11-20T12:00:01.000Z",
        "duration_ms": 1000,
        "exit_code": 0,
        "signal": None,
        "output": "done\n",
        "output_bytes": 5,
        "output_truncated": False,
        "commit": "a" * 40,
        "reported_at": "2026-11-20T12:00:02.000Z",
    } | changes
