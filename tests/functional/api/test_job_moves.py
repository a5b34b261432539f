import pytest

JOB = {"name": "backup", "schedule": "*/5 * * * *", "command": "true", "env": {"A": "1"}}
DISCOVERED = b"""\
apiVersion: v1
kind: Job
metadata:
  id: 5f0c7e9a-6a57-4a0e-9a39-0d4c1f3a9b11
  name: tidy-web-1
  labels: {source: discovered, endpoint: web-1}
spec: {schedule: "@daily", command: "tidy  --all % x"}
"""


@pytest.fixture
def backup(ada):
    return ada.post("/api/jobs", JOB).body["job"]


def changed_files(forge, tenant_id="ada"):
    """Return what the newest commit did to which file."""
    clone = forge._clone(tenant_id)
    return sorted(forge._git(clone, "show", "--format=", "--name-status", "--no-renames", "HEAD").splitlines())


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": "dump"}, "default/dump"),
        ({"namespace": "nightly"}, "nightly/backup"),
        ({"name": "dump", "namespace": "nightly", "schedule": "@daily"}, "nightly/dump"),
    ],
)
def test_a_job_moves_in_one_commit_and_keeps_its_id(ada, forge, backup, change, path):
    moved = ada.put("/api/jobs/default/backup", JOB | change)

    assert moved.status == 200
    assert changed_files(forge) == sorted([f"A\t{path}.yaml", "D\tdefault/backup.yaml"])
    assert forge.commits("ada")[0]["subject"] == f"Move job default/backup to {path}"
    assert ada.get("/api/jobs/default/backup").status == 404
    assert ada.get(f"/api/jobs/{path}").body["job"] == moved.body["job"]
    assert moved.body["job"] == backup | change | {key: moved.body["job"][key] for key in ("path", "sha", "url")}


def test_a_namespace_that_is_left_out_stays(ada):
    ada.post("/api/jobs", JOB | {"namespace": "nightly"})

    answer = ada.put("/api/jobs/nightly/backup", JOB | {"schedule": "@daily"})

    assert answer.body["job"]["path"] == "nightly/backup.yaml"


def test_a_place_that_is_taken_is_said_and_nothing_moves(ada, forge, backup):
    ada.post("/api/jobs", JOB | {"name": "dump"})

    answer = ada.put("/api/jobs/default/backup", JOB | {"name": "dump"})

    assert (answer.status, list(answer.problems)) == (409, ["name"])
    assert "'dump' is in namespace 'default' already" in answer.body["error"]["message"]
    assert ada.get("/api/jobs/default/backup").body["job"] == backup
    assert len(forge.commits("ada")) == 3


def test_a_broken_manifest_keeps_its_place_too(ada, forge, backup):
    forge.push("ada", "default/dump.yaml", b"]")

    assert ada.put("/api/jobs/default/backup", JOB | {"name": "dump"}).status == 409


def test_a_move_on_top_of_another_change_is_refused(ada, backup):
    ada.put("/api/jobs/default/backup", JOB | {"schedule": "@daily"})

    late = ada.put("/api/jobs/default/backup", JOB | {"name": "dump"}, If_Match=f'"{backup["sha"]}"')

    assert (late.status, late.code) == (409, "conflict")
    assert ada.get("/api/jobs/default/dump").status == 404


def test_a_move_whose_answer_is_lost_has_happened_once(ada, forge, backup, flaky_forge):
    ada.get("/api/jobs")
    flaky_forge.fail_call(1)
    ada.put("/api/jobs/default/backup", JOB | {"name": "dump"})
    flaky_forge.heal()

    assert len(forge.commits("ada")) == 3
    assert [job["path"] for job in ada.get("/api/jobs").body["jobs"]] == ["default/dump.yaml"]


@pytest.mark.parametrize(("namespace", "words"), [("discovered", "kept by the system"), ("a/b", "lower-case")])
def test_a_job_does_not_move_where_no_job_may_be_put(ada, backup, namespace, words):
    answer = ada.put("/api/jobs/default/backup", JOB | {"namespace": namespace})

    assert answer.status == 422
    assert words in answer.problems["namespace"]


def test_a_discovered_job_is_not_moved_past_its_adoption(ada, forge):
    forge.push("ada", "discovered/tidy-web-1.yaml", DISCOVERED)

    answer = ada.put("/api/jobs/discovered/tidy-web-1", JOB | {"namespace": "default"})

    assert answer.status == 403
    assert "adopt it first" in answer.body["error"]["message"]


def test_a_change_that_says_what_a_hand_written_file_says_leaves_it_alone(ada, forge):
    text = b"# by hand\napiVersion: v1\nkind: Job\nmetadata: {name: x}\nspec: {schedule: '@daily', command: a}\n"
    forge.push("ada", "default/x.yaml", text)

    ada.put("/api/jobs/default/x", {"name": "x", "schedule": "@daily", "command": "a"})

    assert ada.get("/api/jobs/default/x").body["manifest"] == text.decode()
