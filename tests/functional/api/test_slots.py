"""Slots through the API: what an endpoint confirms is expected, runs fill it, silence is shown."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.slots import Slot
from chalicelib.store import runs as run_store
from chalicelib.store import slots as slot_store
from chalicelib.store.slots import Noted
from tests.fixtures.builders import run, run_id
from tests.functional.api.conftest import PASSWORD, beat

MORNING = datetime(2026, 11, 20, 6, 0, 30, tzinfo=UTC)


@pytest.fixture
def job(ada):
    return ada.post("/api/jobs", {"name": "backup", "schedule": "0 * * * *", "command": "true"}).body["job"]


@pytest.fixture
def confirm(api, agent, job):
    """Let the endpoint say that it has the job."""

    def confirmed(**changes):
        told = {"job_id": job["id"], "job_name": "backup", "namespace": "default", "status": "scheduled"}
        told |= {"schedule": "0 * * * *", "timezone": "Europe/Paris", "grace_s": 600} | changes
        path = f"/api/endpoints/{agent['endpoint']['id']}/job-instances"
        return api.as_(agent["token"]).post(path, {"digest": "a" * 64, "instances": [told]})

    return confirmed


def test_slots_are_what_came_of_each_hour(ada, api, agent, job, confirm, time_machine):
    endpoint_id = agent["endpoint"]["id"]
    time_machine.move_to(MORNING)
    beat(api, agent)
    confirm()
    at = MORNING.replace(second=0)
    began = at + timedelta(hours=1, seconds=1)
    run_store.record(run(1, job_id=job["id"], endpoint_id=endpoint_id, run_id=run_id(1, began), started_at=began))
    slot_store.note("ada", job["id"], Noted(endpoint_id, Slot(at + timedelta(hours=2), "missed"), at))
    time_machine.move_to(at + timedelta(hours=3, minutes=1))
    ada = api.as_(api.login("ada", PASSWORD).body["access_token"])

    answer = ada.get("/api/jobs/default/backup/slots").body

    assert [(slot["at"], slot["state"]) for slot in answer["slots"]] == [
        ("2026-11-20T09:00:00.000Z", "due"), ("2026-11-20T08:00:00.000Z", "missed"), ("2026-11-20T07:00:00.000Z", "ok"),
    ]  # fmt: skip
    assert answer["slots"][2]["runs"] == [run_id(1, began)]
    assert answer["counts"] == {"due": 1, "missed": 1, "ok": 1}
    (expected,) = answer["expected"]
    assert (expected["schedule"], expected["grace_s"], expected["next_at"]) == ("0 * * * *", 600, "2026-11-20T10:00:00.000Z")
    assert ada.get("/api/jobs/default/backup/slots?state=missed").body["total"] == 1


def test_nothing_is_expected_before_an_endpoint_has_confirmed_the_job(ada, job):
    assert ada.get("/api/jobs/default/backup/slots").body["slots"] == []


@pytest.mark.parametrize("changes", [{"schedule": "61 * * * *"}, {"timezone": "Mars/Olympus"}, {"schedule": "@fortnightly"}])
def test_what_only_a_newer_agent_knows_spoils_no_report(ada, agent, confirm, changes):
    assert confirm(**changes).status == 200

    (told,) = ada.get(f"/api/endpoints/{agent['endpoint']['id']}/jobs").body["jobs"]
    assert "nothing is expected of it" in told["reason"]
    assert ada.get("/api/jobs/default/backup/slots").body["expected"] == []
