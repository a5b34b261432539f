"""Incidents through the API: seen by their tenant alone, acknowledged, snoozed, ended."""

import secrets
from datetime import UTC, datetime

import pytest

from chalicelib.domain.alert_rules import Signal, Subject
from chalicelib.services import alerting
from tests.fixtures.builders import JOB_ID

NOW = datetime.now(UTC).replace(microsecond=0)


def happen(kind: str = "failure", endpoint_id: str = "ep-1") -> None:
    subject = Subject("ada", endpoint_id, "web-1", JOB_ID, "backup", "ops")
    signal = Signal(kind, subject, NOW, bad_in_row=1, why="exit code 3", run_id="0199")  # type: ignore[arg-type]
    alerting.take([signal], NOW, secrets.token_bytes)


@pytest.fixture
def incident(ada):
    happen()
    (found,) = ada.get("/api/incidents").body["incidents"]
    return found


def test_an_open_incident_says_what_is_wrong_why_and_since_when(incident):
    assert (incident["title"], incident["why"], incident["state"]) == ("ops/backup on web-1 failed", "exit code 3", "open")
    assert (incident["severity"], incident["run_id"], incident["bad"]) == ("critical", "0199", 1)
    assert [event["kind"] for event in incident["events"]] == ["opened"]


def test_an_incident_is_acknowledged_snoozed_and_ended_and_each_is_in_its_timeline(ada, incident):
    path = f"/api/incidents/{incident['id']}"

    assert ada.post(f"{path}/acknowledge").body["incident"]["state"] == "acknowledged"
    assert ada.post(f"{path}/snooze", {"seconds": 3600}).body["incident"]["state"] == "snoozed"
    ended = ada.post(f"{path}/resolve").body["incident"]

    assert [(event["kind"], event["who"]) for event in ended["events"]] == [
        ("opened", None), ("acknowledged", "ada"), ("snoozed", "ada"), ("resolved", "ada"),
    ]  # fmt: skip
    assert ada.get("/api/incidents").body["incidents"] == []
    assert ada.get("/api/incidents?state=all").body["incidents"][0]["state"] == "resolved"


def test_an_ended_incident_takes_no_more(ada, incident):
    path = f"/api/incidents/{incident['id']}"
    ada.post(f"{path}/resolve")

    for answer in (ada.post(f"{path}/acknowledge"), ada.post(f"{path}/snooze", {"seconds": 60}), ada.post(f"{path}/resolve")):
        assert (answer.status, answer.body["error"]["code"]) == (409, "incident_resolved")


def test_the_same_trouble_opens_anew_after_the_end(ada, incident):
    ada.post(f"/api/incidents/{incident['id']}/resolve")
    happen()

    (found,) = ada.get("/api/incidents").body["incidents"]
    assert found["id"] != incident["id"]


def test_the_gravest_come_first(ada):
    happen("held")
    happen("failure")

    assert [one["severity"] for one in ada.get("/api/incidents").body["incidents"]] == ["critical", "warning"]


def test_all_incidents_come_in_pages(ada):
    for number in range(3):
        happen(endpoint_id=f"ep-{number}")

    first = ada.get("/api/incidents?state=all&limit=2").body
    second = ada.get(f"/api/incidents?state=all&limit=2&next={first['next']}").body

    assert (len(first["incidents"]), len(second["incidents"]), second["next"]) == (2, 1, None)


def test_nobody_else_sees_or_ends_it(eve, incident):
    path = f"/api/incidents/{incident['id']}"

    assert eve.get("/api/incidents?state=all").body["incidents"] == []
    assert {answer.status for answer in (eve.get(path), eve.post(f"{path}/acknowledge"), eve.post(f"{path}/resolve"))} == {404}
