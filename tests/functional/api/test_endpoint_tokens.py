"""An endpoint's token is replaced by its successor, and the old one lives on for a day."""

import pytest

from chalicelib.services import doors
from chalicelib.store import tokens as token_store
from tests.functional.api.conftest import FACTS, beat


def rotate(api, agent, token=None):
    return api.as_(token or agent["token"]).post(f"/api/endpoints/{agent['endpoint']['id']}/token")


def beats(api, agent, token):
    return beat(api, {**agent, "token": token}).status


@pytest.fixture
def rotated(api, agent):
    return rotate(api, agent).body["token"]


def test_a_rotated_token_speaks_for_the_endpoint(api, agent):
    answer = rotate(api, agent)

    assert answer.status == 200
    assert answer.body["token"] != agent["token"]
    assert beats(api, agent, answer.body["token"]) == 200


def test_the_old_token_is_good_for_another_day_and_no_longer(api, agent, rotated, time_machine):
    time_machine.shift(24 * 3600 - 60)
    within = beats(api, agent, agent["token"])
    time_machine.shift(120)

    assert (within, beats(api, agent, agent["token"]), beats(api, agent, rotated)) == (200, 401, 200)


def test_who_asks_again_gets_the_very_same_successor_and_no_longer_grace(api, agent, time_machine):
    first = rotate(api, agent).body
    time_machine.shift(3600)

    assert rotate(api, agent).body == first


def test_a_new_signing_key_changes_no_successor(api, agent, rotated, monkeypatch):
    secret = doors.vault().secret()
    monkeypatch.setattr(secret.__class__, "jwt_keys", {**secret.jwt_keys, "newer": bytes(range(32))}, raising=False)

    assert rotate(api, agent).body["token"] == rotated


@pytest.mark.parametrize("step", ["save", "amend"])
def test_a_crash_between_the_writes_loses_nothing(api, agent, monkeypatch, step):
    def crash(*_):
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(token_store, step, crash)
        assert rotate(api, agent).status == 500
    again = rotate(api, agent)

    assert again.status == 200
    assert beats(api, agent, again.body["token"]) == 200


def test_at_most_two_tokens_are_in_force(api, agent, rotated):
    third = rotate(api, agent, rotated).body["token"]

    assert [beats(api, agent, token) for token in (agent["token"], rotated, third)] == [401, 200, 200]


@pytest.mark.parametrize("method", ["revoke", "delete", "enroll"])
def test_what_ends_a_token_ends_its_predecessor_too(api, ada, agent, rotated, method):
    path = f"/api/endpoints/{agent['endpoint']['id']}"
    match method:
        case "revoke":
            assert ada.post(f"{path}/revoke").status == 200
        case "delete":
            assert ada.delete(path).status == 200
        case "enroll":
            assert ada.post("/api/endpoints/enroll", FACTS).status == 200

    expected = 410 if method == "delete" else 401
    assert [beats(api, agent, token) for token in (agent["token"], rotated)] == [expected, expected]


def test_a_revoked_endpoint_gets_no_new_token(api, ada, agent):
    ada.post(f"/api/endpoints/{agent['endpoint']['id']}/revoke")

    answer = rotate(api, agent)

    assert (answer.status, answer.code) == (401, "endpoint_revoked")


def test_an_enrolment_at_the_same_moment_wins(api, ada, agent, monkeypatch):
    """The machine enrolls again right after the successor was saved, before it was made the endpoint's."""
    enrolled = {}
    save = token_store.save

    def save_then_enroll(credential):
        save(credential)
        if not enrolled and credential.digest:
            enrolled["token"] = "being made"
            enrolled.update(ada.post("/api/endpoints/enroll", FACTS).body)

    with monkeypatch.context() as racing:
        racing.setattr(token_store, "save", save_then_enroll)
        loser = rotate(api, agent)

    assert loser.status == 401
    assert beats(api, agent, enrolled["token"]) == 200


def test_a_token_does_not_rotate_another_endpoints(api, eve, agent):
    other = eve.post("/api/endpoints/enroll", FACTS | {"machine_id": "e" * 64}).body["token"]

    assert rotate(api, agent, other).status == 403
