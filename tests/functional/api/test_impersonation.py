"""An endpoint's token speaks for that endpoint and for no other, and whoever tries is written down."""

import pytest

from tests.functional.api.conftest import beat, report


def told(ada):
    entries = ada.get("/api/audit?action=endpoint.impersonated").body["entries"]
    return [(entry["outcome"], entry["by"]["kind"], entry["by"]["name"], entry["error"]) for entry in entries]


@pytest.mark.parametrize("way", ["check-in", "batch", "heartbeat"])
def test_a_token_used_with_another_endpoints_id_stores_nothing_and_is_in_the_audit_log(api, ada, agent, way):
    station, foreign = api.as_(agent["token"]), report(agent, endpoint_id="ep-other")

    if way == "heartbeat":
        answer = beat(api, agent, endpoint_id="ep-other")
    else:
        answer = station.post("/api/runs/check-in", {"runs": [foreign]} if way == "batch" else foreign)

    assert (answer.status, answer.code) == (403, "forbidden")
    assert ada.get("/api/runs").body["runs"] == []
    assert told(ada) == [("refused", "endpoint", agent["endpoint"]["id"], "forbidden")]


def test_what_endpoints_may_say_is_in_no_log(api, ada, agent):
    api.as_(agent["token"]).post("/api/runs/check-in", report(agent))
    beat(api, agent)

    assert told(ada) == []
