import pytest

from chalicelib.domain import quotas
from tests.functional.api.conftest import FACTS, beat


def test_a_machine_enrols_with_a_token_and_can_clone(api, ada, forge):
    token = ada.post("/api/enrollment-tokens", {"name": "web"}).body["token"]

    enrolled = api.as_(token).post("/api/endpoints/enroll", FACTS)

    assert enrolled.status == 201
    git = enrolled.body["git"]
    assert forge.clone(git["url"], git["username"], git["token"]) == ["default/.gitkeep", "discovered/.gitkeep"]


def test_an_enrollment_token_is_used_up(api, ada):
    token = ada.post("/api/enrollment-tokens", {"name": "web", "max_uses": 1}).body["token"]
    api.as_(token).post("/api/endpoints/enroll", FACTS)

    second = api.as_(token).post("/api/endpoints/enroll", FACTS | {"machine_id": "b" * 64})

    assert second.status == 401


def test_an_enrollment_token_expires_and_can_be_revoked(api, ada, time_machine):
    short = ada.post("/api/enrollment-tokens", {"name": "short", "expires_in_hours": 1}).body["token"]
    revoked = ada.post("/api/enrollment-tokens", {"name": "gone"}).body
    ada.delete(f"/api/enrollment-tokens/{revoked['enrollment_token']['id']}")
    time_machine.shift(3601)

    assert api.as_(short).post("/api/endpoints/enroll", FACTS).status == 401
    assert api.as_(revoked["token"]).post("/api/endpoints/enroll", FACTS).status == 401


def test_tokens_are_listed_without_their_text(ada):
    created = ada.post("/api/enrollment-tokens", {"name": "web"}).body

    listed = ada.get("/api/enrollment-tokens").body

    assert listed["enrollment_tokens"] == [created["enrollment_token"]]
    assert created["token"] not in str(listed)


def test_the_same_machine_stays_the_same_endpoint_with_a_new_token(ada, api):
    first = ada.post("/api/endpoints/enroll", FACTS)
    second = ada.post("/api/endpoints/enroll", FACTS | {"hostname": "renamed"})

    assert (first.status, second.status) == (201, 200)
    assert first.body["endpoint"]["id"] == second.body["endpoint"]["id"]
    assert beat(api, first.body).status == 401
    assert beat(api, second.body).status == 200
    assert [endpoint["hostname"] for endpoint in ada.get("/api/endpoints").body["endpoints"]] == ["renamed"]


def test_the_same_machine_in_another_tenant_is_another_endpoint(ada, eve, api):
    mine = ada.post("/api/endpoints/enroll", FACTS).body
    theirs = eve.post("/api/endpoints/enroll", FACTS).body

    assert mine["endpoint"]["id"] != theirs["endpoint"]["id"]
    assert beat(api, mine).status == 200
    assert len(ada.get("/api/endpoints").body["endpoints"]) == 1


def test_a_heartbeat_makes_an_endpoint_active_and_silence_offline(ada, api, agent, time_machine):
    states = [ada.get("/api/endpoints").body["endpoints"][0]["state"]]
    beat(api, agent)
    states.append(ada.get("/api/endpoints").body["endpoints"][0]["state"])
    time_machine.shift(121)
    states.append(ada.get("/api/endpoints").body["endpoints"][0]["state"])

    assert states == ["inactive", "active", "offline"]


def test_a_heartbeat_for_another_endpoint_is_refused(api, agent):
    assert beat(api, agent, endpoint_id="ep-other").status == 403


def test_a_heartbeat_costs_one_read_and_one_write(api, agent, calls):
    # After the first one somebody is to look whether more come.
    beat(api, agent)
    calls.names.clear()

    beat(api, agent)

    assert calls.names == ["GetItem", "UpdateItem"]


@pytest.mark.parametrize(
    ("change", "field"), [({"machine_id": "short"}, "machine_id"), ({"name": ""}, "name"), ({"x": 1}, "x")]
)
def test_facts_that_break_a_rule_are_named(ada, change, field):
    answer = ada.post("/api/endpoints/enroll", FACTS | change)

    assert (answer.status, list(answer.problems)) == (422, [field])


def test_old_clients_find_endpoints_under_agents(ada, agent):
    body = ada.get("/api/endpoints").body

    assert body["agents"] == body["endpoints"]


def test_a_tenant_has_so_many_endpoints_at_most_and_a_known_one_may_always_come_back(api, ada, agent, monkeypatch):
    monkeypatch.setattr(quotas, "MAX_ENDPOINTS", 1)
    token = api.as_(ada.post("/api/enrollment-tokens", {"name": "web"}).body["token"])

    refused = token.post("/api/endpoints/enroll", FACTS | {"machine_id": "b" * 64})

    assert (refused.status, refused.code) == (409, "limit_reached")
    assert "at most 1 endpoints" in refused.body["error"]["message"]
    assert token.post("/api/endpoints/enroll", FACTS).status == 200
