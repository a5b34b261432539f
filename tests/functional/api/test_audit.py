"""Who changed what: written down once, in a chain, whatever else goes wrong."""

import concurrent.futures
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from chalice.app import Response

from chalicelib.api import audit_hook
from chalicelib.api.blueprint import RouteSpec
from chalicelib.domain import audit as rules
from chalicelib.services import audit
from chalicelib.services.sessions import Caller
from chalicelib.store import audit as audit_store
from chalicelib.store import tenants as tenant_store
from tests.functional.api.conftest import FACTS, PASSWORD
from tests.tables import aws


@dataclass
class Request:
    context: dict


JOB = {"name": "backup", "schedule": "@daily", "command": "echo a-secret-command"}


def entries(api, query: str = "") -> list[dict]:
    return list(api.get(f"/api/audit{query}").body["entries"])


def test_what_a_person_does_is_written_down_with_who_where_and_what(ada):
    made = ada.post("/api/tokens", {"name": "ci", "scopes": ["read:jobs"]}).body

    (entry, login, registration) = entries(ada)

    assert (entry["action"], entry["outcome"], entry["seq"]) == ("token.created", "done", 3)
    assert entry["by"]["kind"] == "user"
    assert entry["by"]["name"] == "ada"
    assert entry["by"]["session_id"] == ada.get("/api/auth/sessions").body["sessions"][0]["id"]
    assert (entry["address"], entry["request_id"]) == ("127.0.0.1", "local")
    assert entry["target"] == {"token.id": made["token"]["id"], "token.name": "ci", "token.scopes": "read:jobs"}
    assert (login["action"], registration["action"]) == ("session.started", "account.registered")
    assert (login["by"]["kind"], login["by"]["name"]) == ("user", "ada")


def test_no_secret_and_no_manifest_gets_into_it(ada):
    token = ada.post("/api/tokens", {"name": "ci", "scopes": ["admin:*"]}).body["plain_text"]
    enrollment = ada.post("/api/enrollment-tokens", {"name": "x"}).body["token"]
    enrolled = ada.post("/api/endpoints/enroll", FACTS).body
    ada.post("/api/jobs", JOB)
    ada.post("/api/auth/password", {"current_password": PASSWORD, "new_password": "another battery staple"})

    said = str(entries(ada))

    assert len(entries(ada)) == 7
    for secret in (token, enrollment, enrolled["token"], enrolled["git"]["token"], "a-secret-command", PASSWORD, "staple"):
        assert secret not in said


def test_an_api_token_is_named_by_its_id(api, ada):
    made = ada.post("/api/tokens", {"name": "ci", "scopes": ["write:endpoints"]}).body

    api.as_(made["plain_text"]).post("/api/enrollment-tokens", {"name": "x"})

    assert entries(ada)[0]["by"] == {"kind": "token", "name": "ada", "token_id": made["token"]["id"], "session_id": None}


def test_a_commit_is_named_by_its_sha(ada):
    commit = ada.post("/api/jobs", JOB).body["commit"]

    target = entries(ada)[0]["target"]

    assert (target["commit"], target["job.namespace"], target["job.name"]) == (commit, "default", "backup")


def test_reading_writes_nothing_and_nothing_is_written_about_what_was_refused_as_wrong(ada):
    before = len(entries(ada))

    ada.get("/api/jobs")
    ada.post("/api/tokens", {"name": ""})
    ada.delete("/api/tokens/nowhere")

    assert len(entries(ada)) == before


def test_a_forge_that_is_down_is_a_failed_act(ada, flaky_forge):
    flaky_forge.is_down = True

    answer = ada.post("/api/jobs", JOB)

    assert answer.status == 503
    assert (entries(ada)[0]["outcome"], entries(ada)[0]["error"]) == ("failed", answer.code)


def test_attempts_that_were_refused_are_summed(api, ada):
    token = api.as_(ada.post("/api/tokens", {"name": "ci", "scopes": ["read:jobs"]}).body["plain_text"])
    for _ in range(11):
        token.post("/api/enrollment-tokens", {"name": "x"})

    refused = entries(ada, "?outcome=refused")

    assert [(entry["action"], entry["error"], entry["count"]) for entry in refused] == [
        ("enrollment_token.created", "missing_scope", 10),
        ("enrollment_token.created", "missing_scope", 1),
    ]


def test_wrong_passwords_are_summed_in_the_log_of_whom_they_were_tried_on(api, ada):
    for _ in range(10):
        api.login("ada", "not the right one")

    refused = entries(ada, "?outcome=refused")

    assert [(entry["action"], entry["count"], entry["by"]["kind"]) for entry in refused] == [
        ("session.started", 10, "anonymous"),
        ("session.started", 1, "anonymous"),
    ]


def test_a_name_that_nobody_has_is_told_the_operator_without_the_name(api):
    api.login("my-secret-password", "whatever it is")

    entry = audit_store.head(rules.OPERATOR)

    assert entry.facts["action"] == "session.started"
    assert "my-secret-password" not in str(entry.as_json())


def test_what_a_stranger_sends_with_no_name_is_nobodys(api):
    api.call("POST", "/api/auth/login", raw=b"", Content_Type="application/x-www-form-urlencoded")
    api.post("/api/auth/logout", {"refresh_token": "ctr_unknown"})

    assert audit_store.head(rules.OPERATOR) is None


def test_an_act_whose_entry_cannot_be_written_stands(ada, monkeypatch, caplog):
    aws("dynamodb").delete_table(TableName="crontopus-audit")
    monkeypatch.setattr("chalicelib.services.audit.log", logging.getLogger("test"))

    answer = ada.post("/api/enrollment-tokens", {"name": "x"})

    assert answer.status == 201
    (record,) = [record for record in caplog.records if record.message == "audit entry lost"]
    assert record.entry["action"] == "enrollment_token.created"
    assert answer.body["token"] not in str(record.__dict__)


def test_many_writers_make_one_chain(tables):
    def act(number: int) -> rules.Act:
        return rules.Act("ada", "token.created", "done", rules.Actor("user", "ada"), datetime.now(UTC), str(number))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(audit.record, map(act, range(12))))

    verdict, head, is_all = audit.verify("ada", None, datetime.now(UTC))
    assert (verdict.broken, verdict.checked, head.seq, is_all) == (None, 12, 12, True)


def test_nobody_writes_into_a_log_by_naming_an_account(tables):
    spec = RouteSpec("POST", "/x", "public", None, None, "json", None, None, 200, "", None, audit="email.verified")
    request = Request({"identity": {"sourceIp": "192.0.2.1"}})
    error = {"error": {"code": "forbidden"}}
    for name, status in (("operator", 403), ("nobody-has-this-name", 403), ("ada", 500)):
        response = Response(error, {"X-Request-Id": "r-1"}, status)
        audit_hook.write(spec, request, None, {}, response, {"tenant_id": name})

    assert audit_store.head("nobody-has-this-name") is None
    assert audit_store.head("ada") is None
    assert audit_store.head(rules.OPERATOR).facts["by"] == {"kind": "anonymous", "name": "unknown"}


def test_operators_read_a_log_of_their_own(api, ada):
    api.login("nobody-has-this-name", "whatever it is")
    assert ada.get("/api/operator/audit").status == 403
    tenant_store.set_operator("ada", is_operator=True)

    answer = ada.get("/api/operator/audit")

    assert [entry["action"] for entry in answer.body["entries"]] == ["session.started"]
    assert ada.get("/api/operator/audit/verify").body["valid"] is True


def test_what_an_operator_does_to_a_tenant_stands_in_both_logs(tables):
    spec = RouteSpec("POST", "/x", "operator", None, None, "json", None, None, 200, "", None, audit="tenant.suspended")
    request = Request({"identity": {"sourceIp": "192.0.2.1"}})
    response = Response({}, {"X-Request-Id": "r-1"}, 200)

    audit_hook.write(spec, request, Caller("user", "root", "root", is_operator=True), {"tenant_id": "eve"}, response, {})

    for log in (rules.OPERATOR, "eve"):
        entry = audit_store.head(log)
        assert (entry.facts["action"], entry.facts["by"]["kind"], entry.facts["by"]["name"]) == (
            "tenant.suspended",
            "operator",
            "root",
        )
        assert entry.facts["target"] == {"tenant_id": "eve"}
