"""Generated from the routes: every route, with every credential that must not open it, against what belongs to Ada."""

from datetime import UTC, datetime
from secrets import token_bytes

import pytest

from app import BLUEPRINTS
from chalicelib.api.blueprint import RouteSpec
from chalicelib.api.callers import ALLOWED
from chalicelib.domain.alert_rules import Signal, Subject
from chalicelib.domain.sso import Person
from chalicelib.services import alerting, identities
from chalicelib.store import incidents as incident_store
from tests.fixtures.builders import JOB_ID, run_id
from tests.functional.api.conftest import FACTS, forge_of, report, running_api, tenant
from tests.tables import empty_tables

SPECS = [spec for blueprint in BLUEPRINTS for spec in blueprint.specs]
# Who has a ping's URL may ping: there is no other credential. test_pings.py and test_ping_keys.py try the URLs.
PROTECTED = [spec for spec in SPECS if spec.auth not in ("public", "ping")]
# What a stranger may come with, and which kind of caller that makes.
KINDS = {"user": "user", "api": "user", "endpoint": "endpoint", "enroll": "enroll"}
SECRET = "adas-own-secret"
# What of Ada's each list shows her: the word, or which of her things.
LISTS = {
    "/api/jobs": SECRET,
    "/api/runs": "run_id",
    "/api/endpoints": "endpoint_id",
    "/api/enrollment-tokens": SECRET,
    "/api/tokens": SECRET,
    "/api/ping-keys": SECRET,
    "/api/v3/checks": SECRET,
    "/api/auth/identities": SECRET,
    "/api/audit": SECRET,
    "/api/incidents": SECRET,
}
DRIFT = {
    "event_id": JOB_ID,
    "job_id": JOB_ID,
    "kind": "removed",
    "before": "x",
    "after": None,
    "at": "2026-11-20T12:00:00Z",
    "done": "healed",
}
BODIES = {
    "/api/jobs": {"name": "mine", "schedule": "@daily", "command": "true"},
    "/api/jobs/{namespace}/{name}": {"name": "private", "schedule": "@daily", "command": "true"},
    "/api/jobs/{namespace}/{name}/adopt": {"target_namespace": "mine"},
    "/api/jobs/validate": {"manifest": "kind: Job"},
    "/api/schedule/preview": {"schedule": "@daily"},
    "/api/plan": {"files": {"default/private.yaml": None}},
    "/api/namespaces": {"name": "mine"},
    "/api/namespaces/{name}": {"description": "mine"},
    "/api/enrollment-tokens": {"name": "x"},
    "/api/tokens": {"name": "x", "scopes": ["read:jobs"]},
    "/api/tokens/{token_id}": {"name": "x"},
    "/api/ping-keys": {"name": "x"},
    "/api/v3/checks": {"name": "mine"},
    "/api/v3/checks/{check_key}": {"name": "mine"},
    "/api/tenants/me": {"name": "mine"},
    "/api/tenants/{tenant_id}/suspend": {"reason": "mine"},
    "/api/incidents/{incident_id}/snooze": {"seconds": 60},
    "/api/blocks": {"address": "192.0.2.7", "hours": 1, "reason": "mine"},
    "/api/trusted-networks": {"network": "192.0.2.0/24", "reason": "mine"},
    "/api/auth/email": {"email": "mine@example.org", "password": "not the right one"},
    "/api/auth/password": {"current_password": "not the right one", "new_password": "not the right one either"},
    "/api/auth/device/approve": {"user_code": "BCDF-GHJK", "approve": True},
    "/api/auth/identities/{identity}": {"next": "/"},
    "/api/auth/sso/policy": {"sso_only": False},
    "/api/endpoints/enroll": FACTS,
    "/api/endpoints/{endpoint_id}": {"name": "mine"},
    "/api/endpoints/{endpoint_id}/discovered-jobs": {"jobs": []},
    "/api/endpoints/{endpoint_id}/approve-removals": {"head": "a" * 40},
    "/api/endpoints/{endpoint_id}/suspend": {},
    "/api/endpoints/{endpoint_id}/drift": {"events": [DRIFT]},
    "/api/endpoints/{endpoint_id}/job-instances": {"digest": "0" * 64, "instances": []},
    "/api/endpoints/{endpoint_id}/heartbeat": {"version": "1", "spool_depth": 0, "clock_at": "2026-11-20T12:00:00Z"},
}


@pytest.fixture(scope="module")
def api(forge_url, bot_token, tmp_path_factory):
    """One world for all of the matrix: no call of it may change anything of Ada's."""
    with empty_tables(), pytest.MonkeyPatch.context() as monkeypatch:
        forge = forge_of(forge_url, bot_token, tmp_path_factory.mktemp("isolation"), "isolation")
        with running_api(forge, monkeypatch) as api:
            yield api


@pytest.fixture(scope="module")
def ada(api):
    return tenant(api, "ada")


@pytest.fixture(scope="module")
def eve(api):
    return tenant(api, "eve")


@pytest.fixture(scope="module")
def agent(ada):
    return dict(ada.post("/api/endpoints/enroll", FACTS).body)


@pytest.fixture(scope="module")
def adas_things(api, ada, agent):
    """What Ada has: a job, a run, an enrollment token. The word SECRET is in all of them."""
    ada.post("/api/jobs", {"name": "private", "schedule": "@daily", "command": f"echo {SECRET}"})
    api.as_(agent["token"]).post("/api/runs/check-in", report(agent, output=SECRET))
    token = ada.post("/api/enrollment-tokens", {"name": SECRET}).body
    somebody = Person("oidc", "https://id.example.org", "ada", SECRET, True)
    subject = Subject("ada", agent["endpoint"]["id"], "web-1", JOB_ID, SECRET, "default")
    signal = Signal("failure", subject, datetime.now(UTC), bad_in_row=1, why=SECRET)
    alerting.take([signal], datetime.now(UTC), token_bytes)
    return {
        "incident_id": incident_store.list_open("ada")[0].incident_id,
        "identity": identities.link(somebody, "ada", token_bytes, datetime.now(UTC)).identity_id,
        "namespace": "default",
        "name": "private",
        "run_id": run_id(),
        "api_token_id": ada.post("/api/tokens", {"name": SECRET, "scopes": ["read:jobs"]}).body["token"]["id"],
        "check_key": ada.call("POST", "/api/v3/checks", {"name": SECRET}).body["uuid"],
        "number": "1",
        "ping_key_id": ada.post("/api/ping-keys", {"name": SECRET}).body["ping_key"]["id"],
        "token_id": token["enrollment_token"]["id"],
        "endpoint_id": agent["endpoint"]["id"],
        "platform": "linux",
        "tenant_id": "ada",
        "block_id": "bl-0123456789abcdef",
        "network_id": "bl-0123456789abcdef",
        "session_id": ada.get("/api/auth/sessions").body["sessions"][0]["id"],
    }


@pytest.fixture(scope="module")
def strangers(api, eve):
    """Eve's credential of each kind."""
    enrollment = eve.post("/api/enrollment-tokens", {"name": "eve", "max_uses": None}).body["token"]
    endpoint = eve.post("/api/endpoints/enroll", FACTS | {"machine_id": "e" * 64}).body["token"]
    everything = eve.post("/api/tokens", {"name": "eve", "scopes": ["admin:*"]}).body["plain_text"]
    return {"user": eve.token, "api": everything, "endpoint": endpoint, "enroll": enrollment}


def filled(path: str, things: dict[str, str]) -> str:
    path = path.replace("/tokens/{token_id}", f"/tokens/{things['api_token_id']}")
    for name, value in things.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, f"say what of Ada's fills {path}"
    return path


def _current_path(spec: RouteSpec) -> str:
    return spec.alias_of.split(" ")[1] if spec.alias_of else spec.path


@pytest.mark.parametrize("spec", PROTECTED, ids=lambda spec: f"{spec.method} {spec.path}")
def test_no_route_gives_a_stranger_anything_of_adas(api, ada, strangers, adas_things, agent, spec):
    body = report(agent, 9) if spec.path.endswith(("check-in", "checkins")) else BODIES.get(_current_path(spec))
    before = ada.get("/api/jobs/default/private").body

    for credential, kind in KINDS.items():
        answer = api.as_(strangers[credential]).call(spec.method, filled(spec.path, adas_things), body if spec.body else None)

        assert SECRET not in str(answer.body)
        if kind not in ALLOWED[spec.auth]:
            assert answer.status in (401, 403)
        elif "{" in spec.path:
            assert answer.status in (403, 404)

    assert ada.get("/api/jobs/default/private").body == before


@pytest.mark.parametrize("spec", PROTECTED, ids=lambda spec: f"{spec.method} {spec.path}")
def test_no_route_opens_without_a_credential(api, adas_things, spec):
    for header in (
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer cte_" + "0" * 49},
    ):
        assert api.call(spec.method, filled(spec.path, adas_things), BODIES.get(_current_path(spec)), **header).status == 401


@pytest.mark.parametrize("path", LISTS)
def test_no_list_shows_a_stranger_anything_of_adas(api, ada, strangers, adas_things, path):
    shown = adas_things.get(LISTS[path], LISTS[path])

    assert shown in str(ada.get(path).body)
    assert shown not in str(api.as_(strangers["user"]).get(path).body)
