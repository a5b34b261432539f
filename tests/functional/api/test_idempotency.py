"""A POST with an Idempotency-Key may be sent again: it is done once, and its answer is told again."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.api.idempotency import REPLAYED
from chalicelib.domain import idempotency as rules
from chalicelib.store import idempotency as idempotency_store
from tests.functional.api.conftest import FACTS
from tests.tables import aws

TOKEN = {"name": "ci", "scopes": ["read:jobs"]}
KEY = "6b1f7d1e-7a0c-4a3e-9c57-0f2f4f7f0a11"


def stored() -> list[dict]:
    return list(aws("dynamodb").scan(TableName="crontopus-idempotency")["Items"])


def again(api, path: str, body: object, key: str = KEY):
    return [api.post(path, body, Idempotency_Key=key) for _ in range(2)]


def test_the_same_request_gets_the_same_answer_and_is_done_once(ada):
    first, second = again(ada, "/api/tokens", TOKEN)

    assert (first.status, second.status, second.body) == (201, 201, first.body)
    assert REPLAYED not in first.headers
    assert second.headers[REPLAYED] == "true"
    assert len(ada.get("/api/tokens").body["tokens"]) == 1


def test_what_is_told_again_is_not_audited_again(ada):
    again(ada, "/api/tokens", TOKEN)

    assert [entry["action"] for entry in ada.get("/api/audit?action=token").body["entries"]] == ["token.created"]


def test_a_secret_that_is_shown_once_is_kept_sealed(ada):
    (first, _) = again(ada, "/api/tokens", TOKEN)

    assert first.body["plain_text"] not in str(stored())
    assert stored()[0]["answer"]["L"]


def test_a_machine_enrolls_once_though_it_asks_twice(api, ada):
    enrollment = api.as_(ada.post("/api/enrollment-tokens", {"name": "x"}).body["token"])

    first, second = again(enrollment, "/api/endpoints/enroll", FACTS)

    assert (first.status, second.status, second.body) == (201, 201, first.body)
    assert ada.get("/api/enrollment-tokens").body["enrollment_tokens"][0]["used_count"] == 1


def test_a_key_lets_nobody_in_with_a_token_that_is_used_up(api, ada):
    enrollment = api.as_(ada.post("/api/enrollment-tokens", {"name": "x"}).body["token"])
    enrollment.post("/api/endpoints/enroll", FACTS, Idempotency_Key=KEY)

    answer = enrollment.post("/api/endpoints/enroll", FACTS | {"machine_id": "b" * 64}, Idempotency_Key="another")

    assert answer.status == 401
    assert len(ada.get("/api/endpoints").body["endpoints"]) == 1


def test_another_request_with_the_same_key_is_refused(ada):
    ada.post("/api/tokens", TOKEN, Idempotency_Key=KEY)

    other_body = ada.post("/api/tokens", TOKEN | {"name": "other"}, Idempotency_Key=KEY)
    other_route = ada.post("/api/enrollment-tokens", {"name": "x"}, Idempotency_Key=KEY)

    assert [(answer.status, answer.code) for answer in (other_body, other_route)] == [(422, "idempotency_key_reused")] * 2
    assert "new one" in other_body.problems["Idempotency-Key"]


def test_the_path_is_part_of_the_request(ada):
    for name in ("one", "two"):
        ada.post("/api/jobs", {"name": name, "schedule": "@daily", "command": "true"})
    ada.post("/api/jobs/default/one/pause", Idempotency_Key=KEY)

    assert ada.post("/api/jobs/default/two/pause", Idempotency_Key=KEY).code == "idempotency_key_reused"


def test_equal_keys_of_two_callers_are_two_keys(ada, eve):
    first = ada.post("/api/tokens", TOKEN, Idempotency_Key=KEY)

    second = eve.post("/api/tokens", TOKEN, Idempotency_Key=KEY)

    assert (second.status, REPLAYED in second.headers) == (201, False)
    assert second.body != first.body


def test_while_the_first_is_under_way_the_second_is_told_to_wait(ada, monkeypatch):
    seen = []
    create = __import__("chalicelib.services.api_tokens", fromlist=["create"]).create

    def slow(*arguments):
        seen.append(ada.post("/api/tokens", TOKEN, Idempotency_Key=KEY))
        return create(*arguments)

    monkeypatch.setattr("chalicelib.services.api_tokens.create", slow)
    first = ada.post("/api/tokens", TOKEN, Idempotency_Key=KEY)

    assert first.status == 201
    assert [(one.status, one.code, one.headers["Retry-After"]) for one in seen] == [(409, "idempotency_in_progress", "2")]


def test_what_failed_may_be_tried_again_with_the_same_key(ada, flaky_forge):
    job = {"name": "backup", "schedule": "@daily", "command": "true"}
    flaky_forge.is_down = True
    assert ada.post("/api/jobs", job, Idempotency_Key=KEY).status == 503
    flaky_forge.is_down = False

    answer = ada.post("/api/jobs", job, Idempotency_Key=KEY)

    assert (answer.status, REPLAYED in answer.headers) == (201, False)


def test_a_bug_of_ours_gives_the_key_back(ada, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr("chalicelib.services.api_tokens.create", lambda *_: 1 / 0)
        assert ada.post("/api/tokens", TOKEN, Idempotency_Key=KEY).status == 500

    assert ada.post("/api/tokens", TOKEN, Idempotency_Key=KEY).status == 201


def test_what_was_refused_may_be_mended_and_sent_with_the_same_key(ada):
    ada.post("/api/jobs", {"name": "backup", "schedule": "@daily", "command": "true"})
    taken = ada.post("/api/jobs", {"name": "backup", "schedule": "@daily", "command": "true"}, Idempotency_Key=KEY)

    mended = ada.post("/api/jobs", {"name": "other", "schedule": "@daily", "command": "true"}, Idempotency_Key=KEY)

    assert (taken.status, mended.status) == (409, 201)


@pytest.mark.parametrize("key", [" ", "k" * 256, "naïve", "two words"])
def test_a_key_that_is_none_is_refused(ada, key):
    answer = ada.post("/api/tokens", TOKEN, Idempotency_Key=key)

    assert (answer.status, list(answer.problems)) == (422, ["Idempotency-Key"])


def test_without_a_key_nothing_is_stored_and_each_request_is_done(ada, calls):
    ada.post("/api/tokens", TOKEN)
    ada.post("/api/tokens", TOKEN)

    assert stored() == []
    assert len(ada.get("/api/tokens").body["tokens"]) == 2


def test_a_day_later_the_key_is_new(ada, time_machine):
    first = ada.post("/api/enrollment-tokens", {"name": "x", "expires_in_hours": 1}, Idempotency_Key=KEY)
    time_machine.shift(timedelta(hours=24, seconds=1))
    session = ada.as_(ada.login("ada", "correct horse battery").body["access_token"])

    second = session.post("/api/enrollment-tokens", {"name": "x", "expires_in_hours": 1}, Idempotency_Key=KEY)

    assert (second.status, second.body == first.body) == (201, False)


def test_who_died_halfway_leaves_the_key_to_the_same_request_a_minute_later(tables):
    now = datetime.now(UTC)
    assert idempotency_store.claim("k", "f", now) is None

    assert idempotency_store.claim("k", "f", now + timedelta(seconds=59)).answer is None
    assert idempotency_store.claim("k", "other", now + timedelta(seconds=61)).fingerprint == "f"
    assert idempotency_store.claim("k", "f", now + timedelta(seconds=61)) is None


def test_an_answer_that_is_too_large_to_seal_is_not_given_twice(ada, monkeypatch):
    monkeypatch.setattr(rules, "MAX_PIECES", 0)
    first, second = again(ada, "/api/tokens", TOKEN)

    assert (first.status, second.status, second.code) == (201, 409, "idempotency_answer_not_kept")
    assert len(ada.get("/api/tokens").body["tokens"]) == 1


def test_the_answer_stands_when_it_cannot_be_kept(ada, monkeypatch):
    monkeypatch.setenv("KMS_KEY", "no-such-key")
    from chalicelib import config
    from chalicelib.services import doors

    config.load.cache_clear()
    doors.vault.cache_clear()
    first, second = again(ada, "/api/tokens", TOKEN)

    assert (first.status, second.code) == (201, "idempotency_answer_not_kept")


def test_keys_are_gone_after_a_day(ada):
    ada.post("/api/tokens", TOKEN, Idempotency_Key=KEY)

    assert abs(int(stored()[0]["ttl"]["N"]) - time.time() - 86400) < 60
