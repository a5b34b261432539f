"""What agents tell of hands at their entries: recorded once, adopted where it may be."""

from typing import Any

import pytest

from chalicelib.domain.ids import uuid4_from
from tests.functional.api.conftest import FACTS

CALL = "/home/u/.crontopus/bin/run-job CRONTOPUS:"
JOB = {"name": "backup", "schedule": "*/5 * * * *", "command": "true"}
PLACE = "/api/jobs/default/backup"


@pytest.fixture
def job(ada) -> dict[str, Any]:
    return dict(ada.post("/api/jobs", JOB).body["job"])


def event(job: dict[str, Any], number: int = 1, **change: Any) -> dict[str, Any]:
    return {
        "event_id": uuid4_from(number.to_bytes(16, "big")),
        "job_id": job["id"],
        "path": "default/backup.yaml",
        "kind": "edited",
        "before": f"*/5 * * * * {CALL}{job['id']}",
        "after": f"*/7 * * * * {CALL}{job['id']}",
        "at": "2026-11-20T12:00:00.000Z",
        "done": "healed",
        "schedule": None,
    } | change


def adoption(job: dict[str, Any], number: int = 1, **change: Any) -> dict[str, Any]:
    return event(job, number, **{"done": "adopt", "schedule": "*/7 * * * *"} | change)


def tell(api: Any, agent: dict[str, Any], *events: dict[str, Any]) -> Any:
    return api.as_(agent["token"]).post(f"/api/endpoints/{agent['endpoint']['id']}/drift", {"events": list(events)})


def recorded(ada: Any) -> list[dict[str, Any]]:
    return list(ada.get("/api/audit?action=drift").body["entries"])


def test_an_event_stands_in_the_audit_log_with_before_and_after(api, ada, agent, job):
    answer = tell(api, agent, event(job))

    assert answer.body["results"] == [{"event_id": event(job)["event_id"], "outcome": "recorded", "commit": None, "why": None}]
    (entry,) = recorded(ada)
    told = {name: entry["target"][name] for name in ("before", "after", "done", "found_at", "job_id")}
    assert entry["action"] == "drift.edited"
    assert told == {
        "before": event(job)["before"],
        "after": event(job)["after"],
        "done": "healed",
        "found_at": "2026-11-20T12:00:00.000Z",
        "job_id": job["id"],
    }


def test_an_event_that_is_told_again_is_recorded_once(api, ada, agent, job):
    outcomes = [tell(api, agent, adoption(job)).body["results"][0]["outcome"] for _ in range(3)]

    assert outcomes == ["adopted", "duplicate", "duplicate"]
    assert len(recorded(ada)) == 1


def test_an_adopted_schedule_becomes_the_manifests_by_one_commit(api, ada, agent, forge, job):
    result = tell(api, agent, adoption(job)).body["results"][0]

    newest = forge.commits("ada")[0]
    assert (result["outcome"], result["commit"]) == ("adopted", newest["sha"])
    assert newest["subject"] == "Change schedule of job default/backup as edited on web-1"
    assert ada.get(PLACE).body["job"]["schedule"] == "*/7 * * * *"
    assert recorded(ada)[0]["target"]["done"] == "adopted"


@pytest.mark.parametrize("kind", ["removed", "edited"])
def test_a_line_that_was_taken_out_pauses_the_job(api, ada, agent, job, kind):
    tell(api, agent, adoption(job, kind=kind, schedule=None, after=None))

    assert ada.get(PLACE).body["job"]["paused"] is True


def test_an_edit_that_a_person_took_back_is_not_adopted_again_when_it_is_told_again(api, ada, agent, job):
    tell(api, agent, adoption(job))
    ada.put(PLACE, JOB)

    assert tell(api, agent, adoption(job)).body["results"][0]["outcome"] == "duplicate"
    assert ada.get(PLACE).body["job"]["schedule"] == "*/5 * * * *"


def refused(api: Any, ada: Any, agent: dict[str, Any], job: dict[str, Any], **change: Any) -> str:
    """Return why an edit was not adopted, once it is sure that it was not."""
    before = ada.get(PLACE).body["job"]
    result = tell(api, agent, adoption(job, **change)).body["results"][0]
    assert (result["outcome"], result["commit"]) == ("recorded", None)
    assert ada.get(PLACE).body["job"] == before
    assert recorded(ada)[0]["target"]["done"] == "left"
    return str(result["why"])


def test_an_endpoint_changes_no_job_that_another_one_has_too(api, ada, agent, job):
    ada.post("/api/endpoints/enroll", FACTS | {"machine_id": "b" * 64, "name": "web-2"})

    assert "other machines" in refused(api, ada, agent, job)


def test_an_endpoint_changes_a_job_whose_selector_names_it_alone(api, ada, agent):
    ada.post("/api/endpoints/enroll", FACTS | {"machine_id": "b" * 64, "name": "web-2", "hostname": "web-2"})
    own = ada.post("/api/jobs", JOB | {"selector": {"name": "web-1"}}).body["job"]

    assert tell(api, agent, adoption(own)).body["results"][0]["outcome"] == "adopted"


def test_an_endpoint_changes_no_job_that_is_not_its_own(api, ada, agent):
    ada.post("/api/endpoints/enroll", FACTS | {"machine_id": "b" * 64, "name": "web-2", "hostname": "web-2"})
    other = ada.post("/api/jobs", JOB | {"selector": {"name": "web-2"}}).body["job"]

    assert "other machines" in refused(api, ada, agent, other)


def test_a_machine_that_was_revoked_is_no_other_machine(api, ada, agent, job):
    gone = ada.post("/api/endpoints/enroll", FACTS | {"machine_id": "b" * 64, "name": "web-2"}).body["endpoint"]["id"]
    ada.post(f"/api/endpoints/{gone}/revoke")

    assert tell(api, agent, adoption(job)).body["results"][0]["outcome"] == "adopted"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schedule": "61 * * * *"}, "its schedule"),
        ({"schedule": "* * * * * root rm"}, "its schedule"),
        ({"before": "0 0 * * * x"}, "another schedule by now"),
        ({"kind": "moved", "schedule": None}, "says no schedule"),
    ],
)
def test_what_is_no_edit_of_the_schedule_as_it_stands_is_only_recorded(api, ada, agent, job, change, why):
    assert why in refused(api, ada, agent, job, **change)


def test_a_job_in_another_time_zone_is_not_adopted(api, ada, agent):
    elsewhere = ada.post("/api/jobs", JOB | {"timezone": "Asia/Tokyo"}).body["job"]

    assert "time zone" in refused(api, ada, agent, elsewhere)


def test_a_job_nobody_defines_is_only_recorded(api, ada, agent, job):
    result = tell(api, agent, adoption(job, job_id=uuid4_from(b"n" * 16))).body["results"][0]

    assert (result["outcome"], result["why"]) == ("recorded", "no manifest defines the job")


def test_while_the_forge_is_down_an_adoption_is_told_again_later(api, ada, agent, job, flaky_forge):
    flaky_forge.is_down = True

    assert tell(api, agent, adoption(job)).status == 503
    assert recorded(ada) == []


def test_another_endpoints_drift_cannot_be_told(api, ada, agent, job):
    other = ada.post("/api/endpoints/enroll", FACTS | {"machine_id": "b" * 64}).body

    assert tell(api, {**agent, "token": other["token"]}, event(job)).status == 403


@pytest.mark.parametrize("change", [{"kind": "x"}, {"before": "x" * 1001}, {"event_id": "1"}, {"more": 1}])
def test_an_event_that_breaks_a_rule_is_refused_with_its_field(api, agent, job, change):
    answer = tell(api, agent, event(job, **change))

    assert (answer.status, list(answer.problems)) == (422, [f"events.0.{next(iter(change))}"])
