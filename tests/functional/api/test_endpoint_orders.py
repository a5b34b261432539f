"""What people want of an agent, from their call to the answer its heartbeat gets."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain import times
from chalicelib.domain.endpoints import ids_digest
from tests.fixtures.builders import JOB_ID
from tests.functional.api.conftest import FACTS, beat

HEAD, NEXT_HEAD = "c" * 40, "d" * 40
HELD = {"code": "removals_held", "head": HEAD, "count": 60, "digest": ids_digest([JOB_ID]), "job_ids": [JOB_ID]}


@pytest.fixture
def path(agent: dict[str, Any]) -> str:
    return f"/api/endpoints/{agent['endpoint']['id']}"


def orders(api: Any, agent: dict[str, Any], **more: Any) -> dict[str, Any]:
    return dict(beat(api, agent, **more).body["orders"])


def approve(ada: Any, path: str, **change: Any) -> Any:
    return ada.post(f"{path}/approve-removals", {"head": HEAD, "digest": HELD["digest"]} | change)


def test_what_an_agent_holds_back_is_shown(api, ada, agent, path):
    beat(api, agent, held=HELD)

    assert ada.get(path).body["endpoint"]["held"] == {**HELD, "is_approved": False}


def test_nothing_held_is_shown_as_nothing(api, ada, agent, path):
    beat(api, agent, held=HELD)
    beat(api, agent)

    assert ada.get(path).body["endpoint"]["held"] is None


def test_an_approval_rides_on_the_answer_to_the_next_heartbeat(api, ada, agent, path):
    assert orders(api, agent, held=HELD)["approved"] is None

    answer = approve(ada, path)

    assert (answer.status, answer.body["endpoint"]["held"]["is_approved"]) == (200, True)
    assert orders(api, agent, held=HELD)["approved"] == {"head": HEAD, "digest": HELD["digest"]}


def test_an_approval_is_forgotten_once_nothing_is_held(api, ada, agent, path):
    beat(api, agent, held=HELD)
    approve(ada, path)

    assert orders(api, agent)["approved"] is None
    assert orders(api, agent, held=HELD)["approved"] is None


@pytest.mark.parametrize("change", [{"head": NEXT_HEAD}, {"digest": ids_digest(["another"]), "count": 61}])
def test_an_approval_is_of_one_commit_and_one_set_of_jobs(api, ada, agent, path, change):
    beat(api, agent, held=HELD)
    approve(ada, path)

    assert orders(api, agent, held=HELD | change)["approved"] is None
    assert ada.get(path).body["endpoint"]["held"]["is_approved"] is False


def test_approving_twice_is_approving_once(api, ada, agent, path):
    beat(api, agent, held=HELD)

    assert [approve(ada, path).status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("change", [{"head": NEXT_HEAD}, {"digest": "0" * 64}])
def test_approving_what_is_not_held_any_more_is_a_conflict(api, ada, agent, path, change):
    beat(api, agent, held=HELD)

    assert approve(ada, path, **change).status == 409
    assert orders(api, agent, held=HELD)["approved"] is None


def test_approving_where_nothing_is_held_is_a_conflict(api, ada, agent, path):
    beat(api, agent)

    assert approve(ada, path).status == 409


def test_an_approval_needs_the_commit_it_is_for(api, ada, agent, path):
    assert list(ada.post(f"{path}/approve-removals", {}).problems) == ["head"]


def test_a_heartbeat_that_tells_of_held_removals_costs_no_more(api, agent, calls):
    # After the first one somebody is to look whether more come.
    beat(api, agent)
    calls.names.clear()

    beat(api, agent, held=HELD)

    assert calls.names == ["GetItem", "UpdateItem"]


def test_suspending_rides_on_the_heartbeat_until_it_is_resumed(api, ada, agent, path):
    ada.post(f"{path}/suspend", {})
    told = orders(api, agent)
    ada.post(f"{path}/resume")

    assert told["suspended_since"] and told["suspended_until"] is None
    assert orders(api, agent)["suspended_since"] is None


def test_a_suspension_for_a_while_ends_by_itself(api, ada, agent, path, time_machine):
    until = times.to_text(datetime.now(UTC) + timedelta(hours=2))
    ada.post(f"{path}/suspend", {"until": until})
    told = orders(api, agent)
    time_machine.shift(7200)

    assert told["suspended_until"] == until
    assert orders(api, agent)["suspended_since"] is None


@pytest.mark.parametrize("until", ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"])
def test_a_suspension_lasts_a_year_at_most_and_ends_in_the_future(ada, path, until):
    answer = ada.post(f"{path}/suspend", {"until": until})

    assert answer.problems == {"until": "must be a moment to come, 366 days ahead at most"}


def test_suspending_again_keeps_the_moment_it_began(api, ada, agent, path, time_machine):
    first = ada.post(f"{path}/suspend", {}).body["endpoint"]["suspended_since"]
    time_machine.shift(60)

    assert ada.post(f"{path}/suspend", {}).body["endpoint"]["suspended_since"] == first


def test_resuming_what_goes_on_changes_nothing(ada, agent, path):
    assert ada.post(f"{path}/resume").body["endpoint"]["suspended_since"] is None


def test_each_order_stands_in_the_audit_log(api, ada, agent, path):
    beat(api, agent, held=HELD)
    approve(ada, path)
    ada.post(f"{path}/suspend", {})
    ada.post(f"{path}/resume")

    entries = ada.get("/api/audit?action=endpoint").body["entries"]
    told = {entry["action"]: entry["target"] for entry in entries}
    assert {"endpoint.suspended", "endpoint.resumed"} < told.keys()
    assert (told["endpoint.removals_approved"]["head"], told["endpoint.removals_approved"]["jobs"]) == (HEAD, "60")


def test_enrolling_again_does_not_end_a_suspension(api, ada, agent, path):
    ada.post(f"{path}/suspend", {})

    assert ada.post("/api/endpoints/enroll", FACTS).body["endpoint"]["suspended_since"]
