"""Sessions: a chain of refresh tokens, each good once."""

import pytest

from chalicelib.services import doors
from tests.functional.api.conftest import PASSWORD

NEW = "another horse, another battery"


def refresh(api, token):
    return api.post("/api/auth/refresh", {"refresh_token": token})


@pytest.fixture
def session(api, ada):
    return api.login("ada", PASSWORD).body


def test_a_lost_answer_can_be_asked_for_again(api, session):
    first = refresh(api, session["refresh_token"])
    again = refresh(api, session["refresh_token"])

    assert (first.status, again.status) == (200, 200)
    assert first.body["refresh_token"] == again.body["refresh_token"]


def test_a_token_that_comes_back_late_ends_the_session_for_everybody(api, session, time_machine):
    following = refresh(api, session["refresh_token"]).body["refresh_token"]
    time_machine.shift(31)

    stolen = refresh(api, session["refresh_token"])

    assert stolen.status == 401
    assert "second time" in stolen.body["error"]["message"]
    assert refresh(api, following).status == 401


def test_another_session_outlives_a_stolen_one(api, session, time_machine):
    other = api.login("ada", PASSWORD).body["refresh_token"]
    refresh(api, session["refresh_token"])
    time_machine.shift(31)
    refresh(api, session["refresh_token"])

    assert refresh(api, other).status == 200


def test_a_token_before_the_last_one_gives_nothing_within_the_grace(api, session):
    second = refresh(api, session["refresh_token"]).body["refresh_token"]
    third = refresh(api, second).body["refresh_token"]

    assert refresh(api, session["refresh_token"]).status == 401
    assert refresh(api, third).status == 200


def test_a_crash_between_the_two_writes_loses_no_session(api, session, monkeypatch):
    from chalicelib.store import tokens

    def crash(credential):
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(tokens, "save", crash)
        assert refresh(api, session["refresh_token"]).status == 500

    assert refresh(api, session["refresh_token"]).status == 200


def test_a_session_ends_after_twelve_idle_hours(api, session, time_machine):
    time_machine.shift(12 * 3600 + 1)

    assert refresh(api, session["refresh_token"]).status == 401


def test_a_session_that_is_used_lives_thirty_days_at_most(api, session, time_machine):
    token = session["refresh_token"]
    for _ in range(65):
        time_machine.shift(11 * 3600)
        answer = refresh(api, token)
        assert answer.status == 200
        token = answer.body["refresh_token"]
    time_machine.shift(11 * 3600)

    assert refresh(api, token).status == 401


def test_a_new_signing_key_ends_no_session(api, session, monkeypatch):
    secret = doors.vault().secret()
    following = refresh(api, session["refresh_token"]).body["refresh_token"]
    monkeypatch.setattr(secret.__class__, "jwt_keys", {**secret.jwt_keys, "newer": bytes(range(32))}, raising=False)

    assert refresh(api, session["refresh_token"]).body["refresh_token"] == following


def test_sessions_are_listed_with_what_they_are(api, ada):
    listed = ada.get("/api/auth/sessions").body["sessions"]

    assert [one["is_current"] for one in listed] == [True]
    assert listed[0]["expires_at"] > listed[0]["refreshed_at"]


def test_a_session_can_be_ended_from_another(api, ada):
    other = api.login("ada", PASSWORD).body["refresh_token"]
    theirs = next(one["id"] for one in ada.get("/api/auth/sessions").body["sessions"] if not one["is_current"])

    assert ada.delete(f"/api/auth/sessions/{theirs}").status == 200
    assert refresh(api, other).status == 401
    assert ada.delete(f"/api/auth/sessions/{theirs}").status == 404


def test_a_password_is_changed_and_ends_all_other_sessions(api, ada):
    other = api.login("ada", PASSWORD).body["refresh_token"]

    changed = ada.post("/api/auth/password", {"current_password": PASSWORD, "new_password": NEW})

    assert (changed.status, changed.body) == (200, {"sessions_ended": 1})
    assert refresh(api, other).status == 401
    assert (api.login("ada", PASSWORD).status, api.login("ada", NEW).status) == (401, 200)
    assert [one["is_current"] for one in ada.get("/api/auth/sessions").body["sessions"]].count(True) == 1


@pytest.mark.parametrize(
    ("change", "field"), [({"current_password": "wrong"}, "current_password"), ({"new_password": "short"}, "new_password")]
)
def test_a_password_change_that_breaks_a_rule_names_the_field(api, ada, change, field):
    answer = ada.post("/api/auth/password", {"current_password": PASSWORD, "new_password": NEW} | change)

    assert (answer.status, list(answer.problems)) == (422, [field])
    assert api.login("ada", PASSWORD).status == 200
