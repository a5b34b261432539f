import pytest

from tests.functional.api.test_job_moves import DISCOVERED

JOB = {"name": "backup", "schedule": "*/5 * * * *", "command": 'echo "it\'s 100%" $(date)\ntrue\n'}


def test_a_job_is_a_commit_by_its_author(ada, forge):
    created = ada.post("/api/jobs", JOB)

    assert created.status == 201
    commit = forge.commits("ada")[0]
    assert (commit["sha"], commit["author"], commit["subject"]) == (created.body["commit"], "ada", "Create job default/backup")


def test_a_job_reads_back_as_it_was_written(ada):
    wanted = JOB | {"args": ["a b"], "env": {"A": "1"}, "timeout": "90s", "labels": {"team": "ops"}, "working_dir": "/tmp"}

    created = ada.post("/api/jobs", wanted).body["job"]
    read = ada.get("/api/jobs/default/backup")

    assert read.body["job"] == created
    assert {key: created[key] for key in wanted} == wanted
    assert read.headers["ETag"] == f'"{created["sha"]}"'


def test_jobs_are_listed_by_namespace(ada):
    ada.post("/api/jobs", JOB)
    ada.post("/api/jobs", JOB | {"name": "cleanup", "namespace": "nightly"})

    everything = ada.get("/api/jobs").body
    nightly = ada.get("/api/jobs?namespace=nightly").body

    assert [job["name"] for job in everything["jobs"]] == ["backup", "cleanup"]
    assert (nightly["count"], nightly["jobs"][0]["path"]) == (1, "nightly/cleanup.yaml")


def test_a_name_is_taken_once_in_a_namespace(ada):
    ada.post("/api/jobs", JOB)

    again = ada.post("/api/jobs", JOB)

    assert (again.status, list(again.problems)) == (409, ["name"])
    assert ada.post("/api/jobs", JOB | {"namespace": "other"}).status == 201


def test_a_change_keeps_the_id(ada):
    before = ada.post("/api/jobs", JOB).body["job"]

    after = ada.put("/api/jobs/default/backup", JOB | {"schedule": "@daily"}).body["job"]

    assert (after["id"], after["schedule"]) == (before["id"], "@daily")


def test_a_change_on_top_of_another_is_refused(ada):
    sha = ada.post("/api/jobs", JOB).body["job"]["sha"]
    ada.put("/api/jobs/default/backup", JOB | {"schedule": "@daily"}, If_Match=f'"{sha}"')

    second = ada.put("/api/jobs/default/backup", JOB | {"schedule": "@hourly"}, If_Match=f'"{sha}"')

    assert (second.status, second.code) == (409, "conflict")
    assert ada.get("/api/jobs/default/backup").body["job"]["schedule"] == "@daily"


def test_a_change_that_changes_nothing_makes_no_commit(ada, forge):
    ada.post("/api/jobs", JOB)
    ada.put("/api/jobs/default/backup", JOB)

    assert len(forge.commits("ada")) == 2


def test_a_deleted_job_is_gone(ada):
    ada.post("/api/jobs", JOB)

    assert ada.delete("/api/jobs/default/backup").status == 200
    assert ada.get("/api/jobs/default/backup").status == 404
    assert ada.delete("/api/jobs/default/backup").status == 404


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"schedule": "* * * *"}, "schedule", "needs 5 fields"),
        ({"schedule": "0 0 30 2 *"}, "schedule", "it never fires"),
        ({"command": "  "}, "command", "must not be empty"),
        ({"command": "x" * 9000}, "command", "at most 8192 bytes"),
        ({"name": "No_Good"}, "name", "lower-case"),
        ({"name": "../../etc/passwd"}, "name", "lower-case"),
        ({"namespace": "a/b"}, "namespace", "lower-case"),
        ({"namespace": "system"}, "namespace", "kept by the system"),
        ({"namespace": "discovered"}, "namespace", "kept by the system"),
        ({"timeout": "5 minutes"}, "timeout", "write a number and s, m, h or d"),
        ({"env": {"1A": "x"}}, "env", "no name of a variable"),
        ({"output": "all"}, "output", "'tail' or 'none'"),
        ({"priority": 3}, "priority", "unknown field"),
        ({"working_dir": "relative"}, "working_dir", "absolute path"),
    ],
)
def test_a_job_that_breaks_a_rule_names_the_field_and_is_not_stored(ada, change, field, words):
    answer = ada.post("/api/jobs", JOB | change)

    assert answer.status == 422
    assert words in answer.problems[field]
    assert ada.get("/api/jobs").body["count"] == 0


def test_a_broken_manifest_hides_no_other_job(ada, forge):
    ada.post("/api/jobs", JOB)
    forge.push("ada", "default/broken.yaml", b"apiVersion: v1\nkind: [\n")

    listed = ada.get("/api/jobs").body

    assert [job["name"] for job in listed["jobs"]] == ["backup"]
    assert listed["problems"][0]["path"] == "default/broken.yaml"
    assert "line 3" in listed["problems"][0]["problems"]["manifest"]
    assert ada.get("/api/jobs/default/broken").status == 422


def test_a_broken_manifest_can_be_deleted(ada, forge):
    forge.push("ada", "default/broken.yaml", b"]")

    assert ada.delete("/api/jobs/default/broken").status == 200


def test_a_discovered_job_is_not_deleted(ada, forge):
    forge.push("ada", "discovered/tidy.yaml", DISCOVERED)

    answer = ada.delete("/api/jobs/discovered/tidy-web-1")

    assert answer.status == 403
    assert answer.body["error"]["message"] == (
        "Cannot delete discovered jobs. Remove using the application that created it, or adopt it first."
    )


def test_a_list_costs_three_forge_calls_cold_and_one_warm(ada, forge, flaky_forge):
    ada.post("/api/jobs", JOB)
    flaky_forge.calls.clear()

    ada.get("/api/jobs")
    cold = len(flaky_forge.calls)
    ada.get("/api/jobs")

    assert (cold, len(flaky_forge.calls) - cold) == (3, 1)


def test_a_creation_whose_answer_was_lost_is_known_again_by_its_key(ada, forge, flaky_forge):
    ada.get("/api/jobs")
    flaky_forge.fail_call(1)
    lost = ada.post("/api/jobs", JOB, Idempotency_Key="backup-1")
    flaky_forge.heal()

    again = ada.post("/api/jobs", JOB, Idempotency_Key="backup-1")

    assert (lost.status, again.status) == (503, 201)
    assert ada.post("/api/jobs", JOB, Idempotency_Key="backup-2").status == 409
    assert [one["subject"] for one in forge.commits("ada")].count("Create job default/backup") == 1


def test_a_forge_that_is_down_is_said_and_nothing_is_half_stored(ada, flaky_forge):
    flaky_forge.is_down = True

    answer = ada.post("/api/jobs", JOB)

    assert (answer.status, answer.code) == (503, "git_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    flaky_forge.is_down = False
    assert ada.post("/api/jobs", JOB).status == 201


@pytest.mark.parametrize("before", [None, {"namespace": "discovered", "name": "tidy-web-1"}])
def test_only_a_report_or_an_adoption_says_whether_a_job_is_discovered(ada, forge, before):
    forge.push("ada", "discovered/tidy.yaml", DISCOVERED)
    job = JOB | (before or {"labels": {"source": "discovered"}})

    answer = ada.put("/api/jobs/discovered/tidy-web-1", job) if before else ada.post("/api/jobs", job)

    assert (answer.status, list(answer.problems)) == (422, ["namespace" if before else "labels"])
