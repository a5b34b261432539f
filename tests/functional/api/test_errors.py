"""What a caller sees when something goes wrong: the same body every time, and never more than that."""

import logging

import pytest

from chalicelib.services import endpoints
from tests.tables import aws

BODY = {"code", "message", "problems", "request_id"}


def test_a_bug_of_ours_is_logged_and_says_nothing(ada, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError("a detail that nobody outside should see")

    monkeypatch.setattr(endpoints, "list_endpoints", broken)
    monkeypatch.setattr("chalicelib.api.blueprint.log", logging.getLogger("test"))

    answer = ada.get("/api/endpoints")

    assert (answer.status, answer.code, set(answer.body["error"])) == (500, "internal", BODY)
    assert "detail" not in str(answer.body)
    assert "ZeroDivisionError" in caplog.text


def test_a_database_that_does_not_answer_is_said(ada):
    aws("dynamodb").delete_table(TableName="crontopus-endpoints")

    answer = ada.get("/api/endpoints")

    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "store_unavailable", "5")


def test_a_secret_that_cannot_be_read_is_said(api):
    aws("secretsmanager").delete_secret(SecretId="crontopus/test/app", ForceDeleteWithoutRecovery=True)

    answer = api.login("ada", "whatever it is")

    assert (answer.status, answer.code) == (503, "secrets_unavailable")


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe", b'"text"', b"[1]", b"null", b"{", b"{}{}", b'{"a": NaN}', b'{"username": "\\ud800"}']
)
def test_garbage_gets_the_one_error_body(api, raw):
    answer = api.call("POST", "/api/auth/register", raw=raw)

    assert answer.status in (400, 422)
    assert set(answer.body["error"]) == BODY


def test_a_sealed_credential_opens_for_its_own_tenant_only(ada):
    from chalicelib.domain.errors import Unavailable
    from chalicelib.services import doors
    from chalicelib.store import tenants

    sealed = tenants.find("ada").forge_credential

    assert len(doors.vault().unseal("ada", sealed)) == 40
    with pytest.raises(Unavailable):
        doors.vault().unseal("eve", sealed)
