"""Jobs in deeper folders and other files than ours: they are found, changed in place, and never silently confused."""

import pytest

from tests.functional.api.test_job_moves import JOB, changed_files

TEXT = """\
# kept by hand
apiVersion: v1
kind: Job
metadata:
  name: dump        # of the database
spec:
  schedule: '@daily'
  command: pg_dump
"""
DEEP = ["default/db/weekly/dump.yaml", "default/dump.yml", "default/db/other-name.yml"]


@pytest.fixture
def path(ada, forge):
    forge.push("ada", DEEP[0], TEXT.encode())
    return DEEP[0]


@pytest.mark.parametrize("path", DEEP)
def test_a_job_is_shown_wherever_it_lies_and_changed_where_it_lies(ada, forge, path):
    forge.push("ada", path, TEXT.encode())
    shown = ada.get("/api/jobs/default/dump")
    renamed = ada.put("/api/jobs/default/dump", {"name": "pg", "schedule": "@daily", "command": "pg_dump"})

    folder, ending = path.rpartition("/")[0], path.rpartition(".")[2]
    assert (shown.body["job"]["path"], shown.body["manifest"]) == (path, TEXT)
    assert renamed.body["job"]["path"] == f"{folder}/pg.{ending}"


def test_a_change_happens_in_place_and_keeps_what_its_author_wrote(ada, path):
    ada.put("/api/jobs/default/dump", {"name": "dump", "schedule": "@hourly", "command": "pg_dump"})
    ada.post("/api/jobs/default/dump/pause")

    shown = ada.get("/api/jobs/default/dump").body
    assert shown["job"]["path"] == path
    assert shown["manifest"] == TEXT.replace("'@daily'", '"@hourly"') + "  paused: true\n"


def test_a_renamed_job_stays_in_its_folder(ada, forge, path):
    ada.put("/api/jobs/default/dump", {"name": "pg", "schedule": "@daily", "command": "pg_dump"})

    assert changed_files(forge) == sorted(["A\tdefault/db/weekly/pg.yaml", f"D\t{path}"])
    assert ada.get("/api/jobs/default/pg").body["manifest"] == TEXT.replace("name: dump ", 'name: "pg" ')


def test_a_moved_job_lies_where_new_ones_do(ada, forge, path):
    ada.put("/api/jobs/default/dump", {"name": "dump", "namespace": "ops", "schedule": "@daily", "command": "pg_dump"})

    assert changed_files(forge) == sorted(["A\tops/dump.yaml", f"D\t{path}"])
    assert "# of the database" in ada.get("/api/jobs/ops/dump").body["manifest"]


def test_a_job_is_deleted_wherever_it_lies(ada, forge, path):
    assert ada.delete("/api/jobs/default/dump").status == 200
    assert changed_files(forge) == [f"D\t{path}"]


def test_a_name_is_taken_however_deep_its_file_lies(ada, path):
    ada.post("/api/jobs", JOB)

    assert ada.post("/api/jobs", JOB | {"name": "dump"}).status == 409
    assert ada.put("/api/jobs/default/backup", JOB | {"name": "dump"}).status == 409


def test_a_name_that_stands_in_two_files_is_a_problem_and_no_guess(ada, forge):
    forge.push_all("ada", {path: TEXT.encode() for path in DEEP[:2]})

    calls = [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/pause")]
    answers = [ada.call(method, f"/api/jobs/default/dump{end}", JOB if method == "PUT" else None) for method, end in calls]

    assert {(answer.status, answer.code) for answer in answers} == {(409, "ambiguous")}
    assert all(path in answers[0].body["error"]["message"] for path in DEEP[:2])
    problems = ada.get("/api/jobs").body["problems"]
    assert [(one["path"], list(one["problems"])) for one in problems] == [(path, ["metadata.name"]) for path in DEEP[:2]]


def test_a_hidden_folder_holds_no_jobs(ada, forge):
    forge.push_all("ada", {".forgejo/workflows/ci.yaml": b"on: push", "default/.drafts/x.yaml": b"x", "default/.x.yaml": b"x"})

    listed = ada.get("/api/jobs").body

    assert (listed["jobs"], listed["problems"]) == ([], [])


def test_a_folder_that_can_be_no_namespace_is_said(ada, forge):
    forge.push("ada", "No_Good/x.yaml", TEXT.encode())

    assert "lower-case" in ada.get("/api/jobs").body["problems"][0]["problems"]["path"]
