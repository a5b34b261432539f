"""An endpoint from its first label to its end."""

from itertools import count

import pytest

from tests.functional.api.client import Api
from tests.functional.api.conftest import FACTS, beat, report


@pytest.fixture
def path(agent) -> str:
    return f"/api/endpoints/{agent['endpoint']['id']}"


def answers(api: Api, agent) -> list[tuple[int, str]]:
    """Return what the agent hears when it delivers and when it says that it lives."""
    heard = [api.as_(agent["token"]).post("/api/runs/check-in", report(agent)), beat(api, agent)]
    return [(answer.status, answer.code) for answer in heard]


def test_an_endpoint_is_shown_as_it_is_listed(ada, path):
    answer = ada.get(path).body
    shown = answer["endpoint"]

    assert answer["repository"] == ada.get("/api/auth/me").body["repository"]
    assert shown == ada.get("/api/endpoints").body["endpoints"][0]
    assert (shown["state"], shown["labels"]) == ("inactive", {})
    assert ada.get(path.replace("endpoints", "agents")).body["endpoint"] == shown


def test_a_heartbeat_answers_with_state_name_and_labels(ada, api, agent, path):
    ada.call("PATCH", path, {"name": "db-1", "labels": {"role": "db"}})

    told = beat(api, agent).body["endpoint"]

    assert told == {"id": agent["endpoint"]["id"], "state": "active", "name": "db-1", "labels": {"role": "db"}}


def test_an_endpoint_is_renamed_and_labelled(ada, path):
    renamed = ada.call("PATCH", path, {"name": "db-1"}).body["endpoint"]
    labelled = ada.call("PATCH", path, {"labels": {"team": "ops"}}).body["endpoint"]

    assert (renamed["name"], renamed["labels"]) == ("db-1", {})
    assert (labelled["name"], labelled["labels"]) == ("db-1", {"team": "ops"})
    assert ada.get(path).body["endpoint"] == labelled


def test_labels_are_kept_when_the_machine_enrols_again(ada, path):
    ada.call("PATCH", path, {"labels": {"team": "ops"}})

    again = ada.post("/api/endpoints/enroll", FACTS).body

    assert again["endpoint"]["labels"] == {"team": "ops"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"labels": {"a": 1}}, "labels.a"),
        ({"labels": {"a": "x" * 64}}, "labels.a"),
        ({"labels": {f"l{number}": "" for number in range(33)}}, "labels"),
        ({"state": "active"}, "state"),
    ],
)
def test_a_change_that_breaks_a_rule_names_the_field(ada, path, change, field):
    answer = ada.call("PATCH", path, change)

    assert (answer.status, list(answer.problems)) == (422, [field])


def test_endpoints_are_listed_by_state_platform_and_name(api, ada, agent):
    ada.post("/api/endpoints/enroll", FACTS | {"name": "Mac", "platform": "darwin", "machine_id": "b" * 64})
    beat(api, agent)

    def names(query: str) -> list[str]:
        return [endpoint["name"] for endpoint in ada.get(f"/api/endpoints?{query}").body["endpoints"]]

    assert names("state=active") == ["web-1"]
    assert names("platform=darwin") == ["Mac"]
    assert names("name=ma") == ["Mac"]
    assert names("state=active&platform=darwin") == []
    assert ada.get("/api/endpoints?state=lost").status == 422


def test_a_revoked_endpoint_is_shut_out_everywhere_and_told_why(api, ada, agent, path, forge):
    revoked = ada.post(f"{path}/revoke")

    assert (revoked.status, revoked.body["endpoint"]["state"]) == (200, "revoked")
    assert answers(api, agent) == [(401, "endpoint_revoked")] * 2
    with pytest.raises(AssertionError, match="Authentication failed"):
        forge.clone(agent["git"]["url"], agent["git"]["username"], agent["git"]["token"])


def test_revoking_again_changes_nothing(ada, path, flaky_forge):
    first = ada.post(f"{path}/revoke").body
    flaky_forge.calls.clear()

    assert ada.post(f"{path}/revoke").body == first
    assert flaky_forge.calls == []


def test_old_clients_delete_an_agent_and_it_is_revoked(ada, path):
    assert ada.delete(path.replace("endpoints", "agents")).body["endpoint"]["state"] == "revoked"
    assert ada.get(path).status == 200


def test_a_revoked_machine_may_enrol_again(api, ada, path):
    ada.post(f"{path}/revoke")

    again = ada.post("/api/endpoints/enroll", FACTS)

    assert (again.status, again.body["endpoint"]["state"]) == (200, "inactive")
    assert beat(api, again.body).status == 200


def test_a_deleted_endpoint_is_gone_and_its_runs_stay(api, ada, agent, path):
    api.as_(agent["token"]).post("/api/runs/check-in", report(agent))

    assert ada.delete(path).status == 200

    assert answers(api, agent) == [(410, "endpoint_gone")] * 2
    assert (ada.get(path).status, ada.delete(path).status) == (404, 404)
    assert ada.get("/api/endpoints").body["total"] == 0
    assert len(ada.get("/api/runs?days=90").body["runs"]) == 1


@pytest.mark.parametrize("end", [("POST", "/revoke"), ("DELETE", "")])
def test_while_the_forge_is_down_nothing_changes(api, ada, agent, path, flaky_forge, end):
    flaky_forge.is_down = True

    answer = ada.call(end[0], path + end[1])

    assert (answer.status, answer.code) == (503, "git_unavailable")
    assert beat(api, agent).status == 200
    assert ada.get(path).body["endpoint"]["state"] == "active"


@pytest.mark.parametrize("broken_at", range(1, 4))
def test_repeating_a_deletion_completes_it_wherever_it_broke_off(api, ada, agent, path, monkeypatch, broken_at):
    from chalicelib.services import endpoints

    steps = count(1)

    def breaking(step):
        def act(*arguments, **more):
            if next(steps) == broken_at:
                raise ConnectionError("the function died")
            return step(*arguments, **more)

        return act

    for store, name in (
        (endpoints.token_store, "delete"),
        (endpoints.endpoint_store, "mark_revoked"),
        (endpoints.endpoint_store, "delete_revoked"),
    ):
        monkeypatch.setattr(store, name, breaking(getattr(store, name)))
    assert ada.delete(path).status == 500

    assert ada.delete(path).status == 200
    assert answers(api, agent) == [(410, "endpoint_gone")] * 2


def test_nobody_ends_the_endpoint_of_another_tenant(api, eve, agent, path):
    for method, target in (("POST", f"{path}/revoke"), ("DELETE", path), ("PATCH", path)):
        assert eve.call(method, target, {"name": "mine"} if method == "PATCH" else None).status == 404

    assert beat(api, agent).status == 200


def test_an_endpoint_cannot_end_itself(api, agent, path):
    assert api.as_(agent["token"]).delete(path).status == 403
