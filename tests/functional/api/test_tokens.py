"""API tokens: made, used, changed and revoked through the API."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain import tokens
from chalicelib.services import api_tokens
from tests.functional.api.conftest import FACTS, beat


def made(api, *scopes, **more):
    return api.post("/api/tokens", {"name": "ci", "scopes": scopes or ("read:jobs",)} | more)


def test_a_token_is_shown_once_and_then_known_by_its_end(ada):
    answer = made(ada, "write:jobs", "read:jobs")

    assert answer.status == 201
    plain, token = answer.body["plain_text"], answer.body["token"]
    assert tokens.kind_of(plain) == "api"
    assert (token["scopes"], token["last4"], token["last_used_at"]) == (["read:jobs", "write:jobs"], plain[-4:], None)
    listed = ada.get("/api/tokens").body
    assert listed == {"tokens": [token], "next": None}
    assert plain not in str(listed)


@pytest.mark.parametrize(("chosen", "days"), [({}, 90), ({"expires_in_days": 365}, 365), ({"expires_in_days": "never"}, None)])
def test_a_token_lives_as_long_as_was_chosen_and_never_ends_only_by_choice(ada, api, time_machine, chosen, days):
    answer = made(ada, **chosen).body
    token = api.as_(answer["plain_text"])

    assert (answer["token"]["expires_at"] is None) == (days is None)
    time_machine.shift(timedelta(days=days or 3650, seconds=-5))
    assert token.get("/api/jobs").status == 200
    time_machine.shift(10)
    assert token.get("/api/jobs").status == (401 if days else 200)


def test_a_revoked_token_is_dead_at_the_next_request(ada, api):
    answer = made(ada).body
    token = api.as_(answer["plain_text"])
    assert token.get("/api/jobs").status == 200

    revoked = ada.delete(f"/api/tokens/{answer['token']['id']}")

    assert (revoked.status, revoked.body) == (200, {})
    assert token.get("/api/jobs").status == 401
    assert ada.get("/api/tokens").body["tokens"] == []
    assert ada.delete(f"/api/tokens/{answer['token']['id']}").status == 404


def test_a_missing_scope_is_named(ada, api):
    token = api.as_(made(ada, "read:runs").body["plain_text"])

    answer = token.get("/api/jobs")

    assert (answer.status, answer.code) == (403, "missing_scope")
    assert "'read:jobs'" in answer.body["error"]["message"]


def test_an_api_token_works_where_a_machine_is_let_in(ada, api):
    token = api.as_(made(ada, "write:endpoints").body["plain_text"])

    first, second = token.post("/api/endpoints/enroll", FACTS), token.post("/api/endpoints/enroll", FACTS)

    assert (first.status, second.status) == (201, 200)
    assert beat(api, second.body).status == 200


def test_a_token_does_not_work_where_an_endpoint_is_asked_for(ada, api, agent):
    token = made(ada, "admin:*").body["plain_text"]

    assert beat(api, agent | {"token": token}).status == 403


@pytest.mark.parametrize("wanted", [["write:jobs"], ["read:jobs", "read:runs"], ["admin:*"]])
def test_a_token_gives_no_more_than_it_holds(ada, api, wanted):
    token = api.as_(made(ada, "admin:tokens", "read:jobs").body["plain_text"])

    answer = made(token, *wanted)

    assert (answer.status, list(answer.problems)) == (403, ["scopes"])
    assert made(token, "read:jobs", "admin:tokens").status == 201


def test_a_token_cannot_change_one_that_holds_more(ada, api):
    greater = made(ada, "admin:*", expires_in_days=90).body["token"]
    token = api.as_(made(ada, "admin:tokens", "read:jobs").body["plain_text"])

    answer = token.call("PATCH", f"/api/tokens/{greater['id']}", {"expires_in_days": "never"})

    assert (answer.status, answer.code) == (403, "too_many_scopes")
    assert ada.get("/api/tokens").body["tokens"][1] == greater


def test_the_star_holds_every_scope(ada, api):
    token = api.as_(made(ada, "admin:*").body["plain_text"])

    assert token.get("/api/auth/me").status == 200
    assert made(token, "admin:*").status == 201


def test_a_name_and_an_expiry_are_changed_each_without_the_other(ada, api):
    before = made(ada).body["token"]
    path = f"/api/tokens/{before['id']}"

    renamed = ada.call("PATCH", path, {"name": "deploy"}).body["token"]
    unending = ada.call("PATCH", path, {"expires_in_days": "never"}).body["token"]
    ending = ada.call("PATCH", path, {"expires_in_days": 365}).body["token"]

    assert renamed == before | {"name": "deploy"}
    assert unending == renamed | {"expires_at": None}
    assert ending["expires_at"] > before["expires_at"]
    assert ada.get("/api/tokens").body["tokens"] == [ending]


def test_an_expired_token_is_listed_but_not_brought_back(ada, time_machine):
    token = made(ada).body["token"]
    time_machine.shift(timedelta(days=91))
    again = ada.as_(ada.login("ada", "correct horse battery").body["access_token"])

    answer = again.call("PATCH", f"/api/tokens/{token['id']}", {"expires_in_days": "never"})

    assert (answer.status, again.get("/api/tokens").body["tokens"]) == (409, [token])


def test_scopes_are_not_changed(ada):
    token = made(ada).body["token"]

    answer = ada.call("PATCH", f"/api/tokens/{token['id']}", {"scopes": ["admin:*"]})

    assert (answer.status, list(answer.problems)) == (422, ["scopes"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["read:everything"]}, "scopes.0"),
        ({"scopes": None}, "scopes"),
        ({"name": ""}, "name"),
        ({"expires_in_days": 30}, "expires_in_days"),
        ({"expires_in_days": None}, "expires_in_days"),
        ({"tenant_id": "eve"}, "tenant_id"),
    ],
)
def test_what_breaks_a_rule_is_named(ada, change, field):
    answer = ada.post("/api/tokens", {"name": "ci", "scopes": ["read:jobs"]} | change)

    assert (answer.status, list(answer.problems)) == (422, [field])


def test_a_change_of_nothing_is_refused(ada):
    token = made(ada).body["token"]

    assert ada.call("PATCH", f"/api/tokens/{token['id']}", {}).status == 422


def test_the_older_word_for_reading_endpoints_is_understood(ada):
    assert made(ada, "read:agents").body["token"]["scopes"] == ["read:endpoints"]


def test_there_are_at_most_50_in_force(ada, monkeypatch, time_machine):
    monkeypatch.setattr(api_tokens, "MAX_TOKENS", 2)
    first, second, third = made(ada), made(ada), made(ada)

    assert [first.status, second.status, third.status, third.code] == [201, 201, 409, "limit_reached"]
    ada.delete(f"/api/tokens/{first.body['token']['id']}")
    assert made(ada).status == 201


def test_a_token_costs_one_read_and_a_write_at_most_every_15_minutes(ada, calls):
    token, now = made(ada).body["plain_text"], datetime.now(UTC)
    asked = []

    for minutes in (0, 1, 14, 15, 16):
        calls.names.clear()
        api_tokens.caller_of(token, "192.0.2.1", now + timedelta(minutes=minutes))
        asked.append(calls.names.copy())

    assert asked == [["GetItem", "UpdateItem"], ["GetItem"], ["GetItem"], ["GetItem", "UpdateItem"], ["GetItem"]]


def test_the_last_use_is_shown(ada, api):
    token = api.as_(made(ada).body["plain_text"])
    before = datetime.now(UTC).replace(microsecond=0)

    token.get("/api/jobs")

    assert ada.get("/api/tokens").body["tokens"][0]["last_used_at"] >= before.isoformat()[:19]


def test_the_log_says_which_token_asked(ada, api, monkeypatch):
    seen = []

    class Log:
        def info(self, message, extra):
            seen.append(extra)

    answer = made(ada).body
    monkeypatch.setattr("chalicelib.api.blueprint.log", Log())
    api.as_(answer["plain_text"]).get("/api/jobs")

    assert (seen[-1]["caller"], seen[-1]["token_id"]) == ("ada", answer["token"]["id"])
    assert answer["plain_text"] not in str(seen)


@pytest.mark.parametrize("event", ["created", "changed", "revoked"])
def test_what_happens_to_a_token_is_in_the_log_and_the_token_is_not(ada, monkeypatch, event):
    seen = []

    class Log:
        def info(self, message, extra):
            seen.append((message, extra))

    monkeypatch.setattr(api_tokens, "log", Log())
    answer = made(ada).body
    path = f"/api/tokens/{answer['token']['id']}"
    ada.call("PATCH", path, {"name": "x"})
    ada.delete(path)

    (facts,) = [facts for message, facts in seen if message == f"API token {event}"]
    assert (facts["tenant_id"], facts["token_id"], facts["scopes"]) == ("ada", answer["token"]["id"], ["read:jobs"])
    assert answer["plain_text"] not in str(seen)
