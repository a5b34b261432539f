"""When something will run, in the zones of job and endpoints."""

import pytest

from tests.functional.api.conftest import FACTS

JOB = {"name": "backup", "schedule": "30 2 * * *", "command": "true"}
THEIRS = b"""apiVersion: v1
kind: Job
metadata:
  id: 5f0c1f6e-7f3f-4d2b-9a53-0d9f5a6f0001
  name: theirs
  namespace: discovered
  labels: {source: discovered}
spec:
  schedule: "30 2 * * *"
  command: "true"
"""
PREVIEW = "/api/schedule/preview"


@pytest.fixture
def machines(api, ada):
    """One in Paris, two in New York, one that says nothing, one revoked in Tokyo."""
    zones = ["Europe/Paris", "America/New_York", "America/New_York", None, "Asia/Tokyo"]
    enrolled = [
        ada.post(
            "/api/endpoints/enroll",
            FACTS | {"machine_id": str(number) * 64, "name": f"m{number}", "hostname": f"m{number}", "timezone": zone},
        ).body["endpoint"]["id"]
        for number, zone in enumerate(zones)
    ]
    ada.post(f"/api/endpoints/{enrolled[4]}/revoke")
    return enrolled


def zones(answer):
    return {zone["timezone"]: [run["at"] for run in zone["runs"]] for zone in answer.body["zones"]}


@pytest.fixture
def before_dst_ends(time_machine):
    time_machine.move_to("2026-10-24T12:00:00Z")


def test_without_a_zone_of_its_own_a_job_runs_by_the_clock_of_each_endpoint(ada, before_dst_ends, machines):
    ada.post("/api/jobs", JOB)

    answer = ada.get("/api/jobs/default/backup/next-runs?count=2")

    # On the 25th Paris has two half past two; cron takes one.
    assert zones(answer) == {
        "America/New_York": ["2026-10-25T06:30:00.000Z", "2026-10-26T06:30:00.000Z"],
        "Europe/Paris": ["2026-10-25T00:30:00.000Z", "2026-10-26T01:30:00.000Z"],
    }
    assert answer.body["zones"][1]["endpoints"] == [{"id": machines[0], "name": "m0"}]
    assert answer.body["zones"][1]["runs"][1]["local"] == "2026-10-26T02:30:00+01:00"
    assert answer.body["description"] == "At 02:30"
    assert answer.body["notes"] == ["the endpoint 'm3' has not said in which time zone it lives"]


def test_a_jobs_own_zone_is_the_same_moment_everywhere(ada, before_dst_ends, machines):
    ada.post("/api/jobs", JOB | {"timezone": "UTC", "selector": {"name": ["m0", "m3"]}})

    answer = ada.get("/api/jobs/default/backup/next-runs?count=1").body

    assert [(zone["timezone"], zone["source"]) for zone in answer["zones"]] == [("UTC", "job"), ("Europe/Paris", "endpoint")]
    assert [zone["runs"][0]["local"] for zone in answer["zones"]] == ["2026-10-25T02:30:00+00:00", "2026-10-25T03:30:00+01:00"]
    assert {zone["runs"][0]["at"] for zone in answer["zones"]} == {"2026-10-25T02:30:00.000Z"}


@pytest.fixture
def crons(ada):
    """Machines in Paris, each with another cron."""
    for number, cron in enumerate(("debian", "busybox", "systemd-cron")):
        facts = {"machine_id": str(number) * 64, "name": cron, "hostname": cron, "timezone": "Europe/Paris", "scheduler": cron}
        ada.post("/api/endpoints/enroll", FACTS | facts)


def by_cron(answer):
    return {
        machine["name"]: [run["at"][8:16].replace("T", " ") for run in zone["runs"]]
        for zone in answer.body["zones"]
        for machine in zone["endpoints"]
    }


def test_a_job_that_agents_keep_means_the_same_in_every_cron(ada, before_dst_ends, crons):
    ada.post("/api/jobs", JOB)

    assert by_cron(ada.get("/api/jobs/default/backup/next-runs?count=2")) == {
        name: ["25 00:30", "26 01:30"] for name in ("debian", "busybox", "systemd-cron")
    }


def test_what_systemd_cannot_start_is_not_expected_of_it(ada, before_dst_ends, crons):
    ada.post("/api/jobs", JOB | {"schedule": "30 * 25 10 *"})

    found = by_cron(ada.get("/api/jobs/default/backup/next-runs?count=4"))

    assert found["debian"] == found["busybox"] == ["24 22:30", "24 23:30", "25 00:30", "25 01:30"]
    assert found["systemd-cron"] == ["24 22:30", "24 23:30", "25 00:30", "25 02:30"]


def test_somebody_elses_line_runs_as_its_cron_reads_it(ada, before_dst_ends, crons, forge):
    forge.push("ada", "discovered/theirs.yaml", THEIRS)

    found = by_cron(ada.get("/api/jobs/discovered/theirs/next-runs?count=2"))

    assert found == {
        "debian": ["25 00:30", "26 01:30"],
        "busybox": ["25 00:30", "25 01:30"],
        "systemd-cron": ["25 00:30", "26 01:30"],
    }


def test_without_endpoints_a_schedule_is_shown_in_utc(ada):
    answer = ada.post(PREVIEW, {"schedule": "0 0 1 1 *", "count": 3}).body

    assert [(zone["timezone"], zone["source"], len(zone["runs"])) for zone in answer["zones"]] == [("UTC", "default", 3)]


def test_what_keeps_the_moments_from_coming_true_is_said(ada, machines):
    wanted = [
        ({"paused": True}, "the job is paused"),
        ({"enabled": False}, "the job is disabled"),
        ({"selector": {"name": "nobody"}}, "no endpoint fits"),
        ({"schedule": None, "command": None, "checkin_by": "ping", "period": "1h"}, "without a schedule"),
    ]
    for number, (changes, words) in enumerate(wanted):
        assert ada.post("/api/jobs", JOB | {"name": f"job-{number}"} | changes).status == 201

        notes = ada.get(f"/api/jobs/default/job-{number}/next-runs").body["notes"]
        assert any(words in note for note in notes), changes


def test_a_preview_that_breaks_a_rule_names_the_field(ada):
    wrong = [
        {"schedule": "* * * *"},
        {"schedule": "0 0 30 2 *"},
        {"timezone": "Mars/Olympus"},
        {"count": 51},
        {"count": 0},
    ]
    answers = [ada.post(PREVIEW, {"schedule": "@daily"} | change) for change in wrong]

    assert [(answer.status, list(answer.problems)) for answer in answers] == [(422, list(change)) for change in wrong]


def test_a_reboot_has_words_and_no_moments(ada):
    answer = ada.post(PREVIEW, {"schedule": "@reboot"}).body

    assert (answer["description"], answer["zones"][0]["runs"]) == ("At every start of the machine", [])


def test_another_tenants_endpoints_are_not_asked(ada, eve, machines):
    assert [zone["timezone"] for zone in eve.post(PREVIEW, {"schedule": "@daily"}).body["zones"]] == ["UTC"]
