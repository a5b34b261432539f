import pytest

from tests.functional.api.test_job_moves import DISCOVERED, changed_files

JOB = {
    "name": "backup",
    "namespace": "nightly",
    "schedule": "*/5 * * * *",
    "command": "true\nfalse\n",
    "args": ["a b"],
    "env": {"A": "1"},
    "timeout": "90s",
    "labels": {"team": "ops"},
    "enabled": False,
}
PLACE = "/api/jobs/nightly/backup"


@pytest.fixture
def backup(ada):
    return ada.post("/api/jobs", JOB).body["job"]


@pytest.fixture
def discovered(ada, forge):
    forge.push("ada", "discovered/tidy-web-1.yaml", DISCOVERED)
    return ada.get("/api/jobs/discovered/tidy-web-1").body["job"]


def without_blob(job):
    return {key: value for key, value in job.items() if key != "sha"}


def test_a_job_is_paused_and_keeps_everything_else(ada, forge, backup):
    paused = ada.post(f"{PLACE}/pause")

    assert paused.status == 200
    assert without_blob(paused.body["job"]) == without_blob(backup) | {"paused": True}
    assert ada.get(PLACE).body["job"] == paused.body["job"]
    assert forge.commits("ada")[0]["subject"] == "Pause job nightly/backup"


def test_a_job_that_was_paused_and_resumed_is_as_before(ada, forge, backup):
    ada.post(f"{PLACE}/pause")

    resumed = ada.post(f"{PLACE}/resume")

    assert resumed.body["job"] == backup
    assert forge.commits("ada")[0]["subject"] == "Resume job nightly/backup"


def test_pausing_twice_is_one_commit(ada, forge, backup):
    first = ada.post(f"{PLACE}/pause").body

    assert ada.post(f"{PLACE}/pause").body == first
    assert len(forge.commits("ada")) == 3


def test_resuming_what_runs_is_no_commit(ada, forge, backup):
    assert ada.post(f"{PLACE}/resume").status == 200
    assert len(forge.commits("ada")) == 2


def test_a_paused_job_stays_in_its_file_whatever_name_stands_in_it(ada, forge):
    forge.push("ada", "default/file.yaml", DISCOVERED.replace(b"source: discovered, ", b""))

    assert ada.post("/api/jobs/default/tidy-web-1/pause").body["job"]["path"] == "default/file.yaml"


@pytest.mark.parametrize("action", ["pause", "resume", "adopt"])
def test_a_job_that_is_not_there_is_not_found(ada, action):
    body = {"target_namespace": "default"} if action == "adopt" else None

    assert ada.post(f"/api/jobs/default/none/{action}", body).status == 404
    assert ada.post(f"/api/jobs/No_Good/none/{action}", body).status == 404


@pytest.mark.parametrize("action", ["pause", "resume"])
def test_a_discovered_job_is_not_ours_to_pause(ada, discovered, action):
    answer = ada.post(f"/api/jobs/discovered/tidy-web-1/{action}")

    assert answer.status == 403
    assert "adopt it first" in answer.body["error"]["message"]


@pytest.mark.parametrize("target", ["default", "ops"])
def test_an_adopted_job_moves_in_one_commit_and_loses_the_label_alone(ada, forge, discovered, target):
    adopted = ada.post("/api/jobs/discovered/tidy-web-1/adopt", {"target_namespace": target})

    assert adopted.status == 200
    assert changed_files(forge) == [f"A\t{target}/tidy-web-1.yaml", "D\tdiscovered/tidy-web-1.yaml"]
    assert ada.get("/api/jobs/discovered/tidy-web-1").status == 404
    changes = {key: adopted.body["job"][key] for key in ("path", "sha", "url")}
    # What cron made of the line's %, a shell does now; the line itself is kept, to be given back.
    changes |= {"command": "exec <<'CRONTOPUS_INPUT'\n x\nCRONTOPUS_INPUT\ntidy  --all "}
    changes |= {"annotations": {"crontopus.com/original": "@daily tidy  --all % x"}}
    assert (
        adopted.body["job"] == discovered | {"namespace": target, "labels": {"endpoint": "web-1"}, "state": "enabled"} | changes
    )


def test_an_adopted_job_may_be_deleted(ada, discovered):
    ada.post("/api/jobs/discovered/tidy-web-1/adopt", {"target_namespace": "ops"})

    assert ada.delete("/api/jobs/ops/tidy-web-1").status == 200


def test_a_job_that_was_not_discovered_is_not_adopted(ada, backup):
    answer = ada.post(f"{PLACE}/adopt", {"target_namespace": "default"})

    assert (answer.status, answer.code) == (409, "conflict")
    assert "no discovered job" in answer.body["error"]["message"]


@pytest.mark.parametrize(
    ("target", "words"), [("discovered", "kept"), ("system", "kept"), ("a/b", "lower-case"), ("", "lower")]
)
def test_a_job_is_not_adopted_to_where_no_job_may_be_put(ada, discovered, target, words):
    answer = ada.post("/api/jobs/discovered/tidy-web-1/adopt", {"target_namespace": target})

    assert answer.status == 422
    assert words in answer.problems["target_namespace"]


def test_a_job_is_not_adopted_over_another(ada, forge, discovered):
    ada.post("/api/jobs", JOB | {"name": "tidy-web-1", "namespace": "ops"})

    answer = ada.post("/api/jobs/discovered/tidy-web-1/adopt", {"target_namespace": "ops"})

    assert (answer.status, list(answer.problems)) == (409, ["name"])
    assert ada.get("/api/jobs/discovered/tidy-web-1").body["job"] == discovered


def test_an_adopted_job_is_not_there_to_be_adopted_again(ada, forge, discovered):
    ada.post("/api/jobs/discovered/tidy-web-1/adopt", {"target_namespace": "ops"})

    assert ada.post("/api/jobs/discovered/tidy-web-1/adopt", {"target_namespace": "default"}).status == 404
    assert [job["path"] for job in ada.get("/api/jobs").body["jobs"]] == ["ops/tidy-web-1.yaml"]
