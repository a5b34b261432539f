"""Old paths answer as the new ones do."""

from tests.functional.api.conftest import FACTS, beat, report


def test_old_clients_list_agents(ada, agent):
    assert ada.get("/api/agents").body == ada.get("/api/endpoints").body
    assert ada.get("/api/agents").body["agents"][0]["id"] == agent["endpoint"]["id"]


def test_old_agents_enrol_and_send_heartbeats(api, ada):
    enrolled = ada.post("/api/agents/enroll", FACTS)

    assert enrolled.status == 201
    beaten = beat(api, enrolled.body, path="/api/agents/{}/heartbeat")
    assert beaten.status == 200
    assert ada.get("/api/endpoints").body["endpoints"][0]["state"] == "active"


def test_a_check_in_is_counted_once_on_either_path(api, ada, agent):
    as_agent = api.as_(agent["token"])

    old, new = as_agent.post("/api/checkins", report(agent)), as_agent.post("/api/runs/check-in", report(agent))

    assert [answer.body["results"][0]["outcome"] for answer in (old, new)] == ["created", "duplicate"]
