from datetime import timedelta

import pytest

from chalicelib.store import instances as instance_store
from chalicelib.store import runs as run_store
from tests.fixtures.builders import JOB_ID, run, run_id, started
from tests.functional.api.conftest import FACTS, beat
from tests.functional.api.conftest import report as run_report

OTHER_JOB = "6f0c7f0e-0d7c-4c5e-9a52-7d2d6f4b1c12"
DIGEST = "a" * 64


def told(**changes):
    return {"job_id": JOB_ID, "job_name": "backup", "namespace": "default", "status": "scheduled"} | changes


@pytest.fixture
def tell(api, agent):
    """What reports an endpoint's instances."""

    def report(*instances, digest=DIGEST, endpoint_id=None, token=None):
        path = f"/api/endpoints/{endpoint_id or agent['endpoint']['id']}/job-instances"
        return api.as_(token or agent["token"]).post(path, {"digest": digest, "instances": list(instances)})

    return report


@pytest.fixture
def jobs(ada, agent):
    """What lists the jobs on Ada's machine."""

    def listed(query=""):
        return ada.get(f"/api/endpoints/{agent['endpoint']['id']}/jobs?{query}").body["jobs"]

    return listed


def test_a_report_is_what_stands_there(ada, tell, jobs):
    answer = tell(told(), told(job_id=OTHER_JOB, job_name="rotate", drift=True, reason="edited by hand", source="discovered"))

    assert answer.body == {"created": 2, "changed": 0, "removed": 0}
    assert [(job["job_name"], job["status"], job["source"], job["drift"], job["reason"]) for job in jobs()] == [
        ("backup", "scheduled", "crontopus", False, None),
        ("rotate", "scheduled", "discovered", True, "edited by hand"),
    ]


def test_what_a_report_does_not_name_is_removed_and_what_it_brings_stays(tell, jobs):
    tell(told())

    answer = tell(told(job_id=OTHER_JOB, job_name="rotate"))

    assert answer.body == {"created": 1, "changed": 0, "removed": 1}
    assert [job["job_name"] for job in jobs()] == ["rotate"]


def test_only_what_differs_is_written(tell, calls):
    tell(told(), told(job_id=OTHER_JOB, job_name="rotate"))
    calls.names.clear()

    answer = tell(told(), told(job_id=OTHER_JOB, job_name="rotate", status="paused"))

    assert answer.body == {"created": 0, "changed": 1, "removed": 0}
    # The instance, and the digest.
    assert calls.names.count("UpdateItem") == 2


def test_what_has_run_stays_counted_when_its_instance_goes(ada, agent, tell, project):
    endpoint_id = agent["endpoint"]["id"]
    run_store.record(run(1, endpoint_id=endpoint_id, run_id=recent_id()))
    project()

    assert tell().body["removed"] == 1
    assert instance_store.find("ada", endpoint_id, JOB_ID) is None
    assert ada.get("/api/runs/by-job").body["jobs"][0]["run_count"] == 1


def test_what_has_run_stays_counted_when_its_endpoint_is_deleted(ada, agent, project):
    run_store.record(run(1, endpoint_id=agent["endpoint"]["id"], run_id=recent_id()))
    project()

    ada.delete(f"/api/endpoints/{agent['endpoint']['id']}")

    (row,) = ada.get("/api/runs/by-endpoint").body["endpoints"]
    assert (row["name"], row["run_count"]) == (None, 1)


def recent_id(number: int = 1) -> str:
    from datetime import UTC, datetime

    return run_id(number, datetime.now(UTC) - timedelta(seconds=9))


def test_runs_and_reports_meet_in_one_instance(agent, tell, jobs, project):
    tell(told())
    open_run = started(1, endpoint_id=agent["endpoint"]["id"])
    run_store.record(open_run)
    project()

    (job,) = jobs()

    assert (job["status"], job["open_runs"], job["last_run"]["status"]) == ("running", [open_run.run_id], "running")
    run_store.record(run(1, endpoint_id=agent["endpoint"]["id"], status="failure", exit_code=3))
    project()
    (job,) = jobs()
    assert (job["status"], job["open_runs"], job["recent"]) == ("scheduled", [], ["failure"])
    assert (job["last_run"]["exit_code"], job["streak"]) == (3, {"ending": "bad", "length": 1})
    assert (job["today"]["failure_count"], job["today"]["health"]) == (1, "warning")


def test_a_job_known_only_by_its_runs_has_no_status(jobs, api, agent, project):
    api.as_(agent["token"]).post("/api/runs/check-in", run_report(agent))
    project()

    (job,) = jobs()

    assert (job["status"], job["source"], job["last_seen"]) == (None, None, None)


def test_an_endpoint_says_how_its_jobs_went_lately(ada, agent, project, calls):
    path = f"/api/endpoints/{agent['endpoint']['id']}"
    assert ada.get(path).body["last_24_hours"]["health"] == "unknown"
    run_store.record(run(1, endpoint_id=agent["endpoint"]["id"], run_id=recent_id()))
    project()
    calls.names.clear()

    assert ada.get(path).body["last_24_hours"]["success_count"] == 1
    assert calls.names.count("Query") == 1


def test_jobs_of_an_endpoint_are_filtered(tell, jobs):
    tell(told(), told(job_id=OTHER_JOB, job_name="rotate-logs", namespace="ops", status="paused"))

    for query in ("namespace=ops", "job=LOGS", "status=paused"):
        assert [job["job_name"] for job in jobs(query)] == ["rotate-logs"], query


def test_a_heartbeat_asks_for_the_report_only_when_it_is_another_one(api, agent, tell):
    assert beat(api, agent).body["instances_wanted"] is False
    assert beat(api, agent, instances_digest=DIGEST).body["instances_wanted"] is True
    tell(told())

    assert beat(api, agent, instances_digest=DIGEST).body["instances_wanted"] is False
    assert beat(api, agent, instances_digest="b" * 64).body["instances_wanted"] is True


def test_a_machine_that_enrols_again_is_asked_anew(api, ada, agent, tell):
    tell(told())

    again = ada.post("/api/endpoints/enroll", FACTS).body

    assert beat(api, again, instances_digest=DIGEST).body["instances_wanted"] is True


def test_a_heartbeat_costs_one_read_and_one_write(api, agent, tell, calls):
    tell(told())
    beat(api, agent)
    calls.names.clear()

    beat(api, agent, instances_digest=DIGEST)

    assert calls.names == ["GetItem", "UpdateItem"]


def test_each_heartbeat_stands_by_the_last_report(api, agent, tell, jobs):
    tell(told())
    before = jobs()[0]["last_seen"]

    beat(api, agent, instances_digest=DIGEST)

    assert jobs()[0]["last_seen"] > before


def test_a_job_says_on_which_machines_it_is(api, ada, agent, tell, project):
    job = ada.post("/api/jobs", {"name": "backup", "schedule": "@daily", "command": "true"}).body["job"]
    other = ada.post("/api/endpoints/enroll", FACTS | {"machine_id": "b" * 64, "name": "db-1"}).body
    tell(told(job_id=job["id"]))
    tell(told(job_id=job["id"], status="error"), endpoint_id=other["endpoint"]["id"], token=other["token"])
    run_store.record(run(1, job_id=job["id"], endpoint_id="ping", run_id=recent_id()))
    project()
    beat(api, agent)

    body = ada.get("/api/jobs/default/backup/endpoints").body

    assert [(one["name"], one["state"], one["instance"]["status"]) for one in body["endpoints"]] == [
        (None, None, None),
        ("db-1", "inactive", "error"),
        ("web-1", "active", "scheduled"),
    ]
    assert (body["job_id"], body["total"]) == (job["id"], 3)
    assert (body["last_24_hours"]["run_count"], body["last_24_hours"]["health"]) == (1, "healthy")


def test_all_instances_are_listed_and_filtered(ada, eve, agent, tell):
    other = ada.post("/api/endpoints/enroll", FACTS | {"machine_id": "b" * 64, "name": "db-1"}).body
    tell(told())
    tell(told(job_id=OTHER_JOB, job_name="rotate"), endpoint_id=other["endpoint"]["id"], token=other["token"])

    assert [one["job_name"] for one in ada.get("/api/instances").body["instances"]] == ["backup", "rotate"]
    assert [one["job_name"] for one in ada.get("/api/instances?job=rot").body["instances"]] == ["rotate"]
    path = f"/api/instances?endpoint_id={agent['endpoint']['id']}"
    assert [one["job_name"] for one in ada.get(path).body["instances"]] == ["backup"]
    assert (eve.get("/api/instances").body["total"], eve.get(path).body["total"]) == (0, 0)


def test_a_token_reports_for_its_own_endpoint_only(tell):
    assert tell(told(), endpoint_id="ep-other").status == 403


BAD = [
    ({"job_id": "x"}, "instances.0.job_id"),
    ({"status": "odd"}, "instances.0.status"),
    ({"source": "me"}, "instances.0.source"),
    ({"surprise": 1}, "instances.0.surprise"),
]


@pytest.mark.parametrize(("change", "field"), BAD)
def test_a_report_that_breaks_a_rule_is_named(tell, change, field):
    answer = tell(told(**change))

    assert (answer.status, list(answer.problems)) == (422, [field])


def test_a_job_may_be_named_once(tell):
    assert list(tell(told(), told()).problems) == ["instances"]


def test_a_long_reason_is_cut_to_what_fits(tell, jobs):
    tell(told(reason="é" * 200))

    assert jobs()[0]["reason"] == "é" * 45


def test_what_a_discovered_jobs_own_line_runs_is_told_as_far_as_it_fits(tell, jobs):
    tell(told(source="discovered", original_command="x" * 300))
    assert jobs()[0]["original_command"] == "x" * 256

    tell(told(original_command="ours"))
    assert jobs()[0]["original_command"] is None
