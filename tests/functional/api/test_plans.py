"""Plan before merge: what a change would do to each machine, before anybody commits it."""

import pytest

from chalicelib.domain import manifest
from tests.fixtures.builders import job
from tests.functional.api.conftest import FACTS

JOB = {"name": "backup", "schedule": "0 3 * * *", "command": "true"}


def text(**changes):
    return manifest.dump(job(**({"id": None} | changes)))


def plan(api, files, **more):
    return api.post("/api/plan", {"files": files} | more)


def shown(answer):
    """Return for each endpoint the names of what comes, changes and goes."""
    kinds = ("added", "changed", "removed")
    return {one["name"]: [[entry["job"] for entry in one[kind]] for kind in kinds] for one in answer.body["endpoints"]}


@pytest.fixture
def machines(ada, agent):
    """web-1 in Paris, and db-1 in UTC."""
    facts = FACTS | {"name": "db-1", "hostname": "db-1", "machine_id": "d" * 64, "timezone": "UTC"}
    ada.post("/api/endpoints/enroll", facts)


def test_a_new_job_comes_to_the_endpoints_it_is_meant_for_with_its_first_runs(ada, machines, time_machine, forge):
    time_machine.move_to("2026-11-20T12:00:00Z")

    answer = plan(
        ada,
        {
            "default/a.yaml": text(name="a", schedule="0 3 * * *"),
            "default/b.yaml": text(name="b", selector={"name": ("db-1",)}),
        },
    )

    assert shown(answer) == {"web-1": [["default/a"], [], []], "db-1": [["default/a", "default/b"], [], []]}
    runs = {one["name"]: one["added"][0]["next_runs"][0] for one in answer.body["endpoints"]}
    assert runs == {"web-1": "2026-11-21T02:00:00.000Z", "db-1": "2026-11-21T03:00:00.000Z"}
    assert answer.body["has_changes"]
    assert len(forge.commits("ada")) == 1


def test_what_changes_shows_what_it_was(ada, machines):
    made = ada.post("/api/jobs", JOB).body["job"]

    answer = plan(ada, {"default/backup.yaml": text(id=made["id"], schedule="0 4 * * *", command="true")})

    (entry,) = answer.body["endpoints"][0]["changed"]
    assert (entry["schedule_before"], entry["schedule"]) == ("0 3 * * *", "0 4 * * *")
    assert shown(answer)["db-1"] == [[], ["default/backup"], []]


def test_a_file_without_an_id_is_the_job_that_lies_there(ada, machines):
    ada.post("/api/jobs", JOB)

    same = plan(ada, {"default/backup.yaml": text(schedule="0 3 * * *", command="true")})

    assert not same.body["has_changes"]


@pytest.mark.parametrize("files", [{"default/backup.yaml": None}, {"default/backup.yaml": "paused"}])
def test_what_is_deleted_or_paused_goes(ada, machines, files):
    made = ada.post("/api/jobs", JOB).body["job"]
    files = {path: value and text(id=made["id"], paused=True) for path, value in files.items()}

    assert shown(plan(ada, files))["web-1"] == [[], [], ["default/backup"]]


def test_a_complete_plan_takes_what_is_missing_for_gone_and_says_that_it_is_much(ada, machines):
    for name in ("backup", "mail", "report"):
        ada.post("/api/jobs", JOB | {"name": name})

    answer = plan(ada, {"default/new.yaml": text(name="new")}, is_complete=True)

    assert shown(answer)["web-1"] == [["default/new"], [], ["default/backup", "default/mail", "default/report"]]
    assert any("3 entries would go at once" in words for words in answer.body["warnings"])


def test_a_broken_file_is_told_and_counts_as_it_stands(ada, machines):
    ada.post("/api/jobs", JOB)

    answer = plan(ada, {"default/backup.yaml": "kind: [", "notes.txt": "x", "default/ok.yaml": text(name="ok")})

    assert sorted(answer.body["problems"]) == ["default/backup.yaml", "notes.txt"]
    assert shown(answer)["web-1"] == [["default/ok"], [], []]


def test_a_name_that_would_stand_in_two_files_is_told(ada, machines):
    ada.post("/api/jobs", JOB)

    problems = plan(ada, {"default/deep/backup.yaml": text()}).body["problems"]

    assert sorted(problems) == ["default/backup.yaml", "default/deep/backup.yaml"]


def test_a_selector_that_fits_nobody_is_a_warning(ada, machines):
    answer = plan(ada, {"default/a.yaml": text(name="a", selector={"name": ("nobody",)})}).body

    assert answer["warnings"] == ["default/a: no endpoint fits its selector"]
    assert not answer["has_changes"]


def test_a_plan_of_nothing_is_refused(ada):
    bodies = [{"files": {}}, {"files": {"a": None}}, {"files": {"default/a.yaml": 3}}, {}]

    assert {ada.post("/api/plan", body).status for body in bodies} == {422}


def test_another_tenants_machines_are_not_planned_for(ada, eve, machines):
    assert plan(eve, {"default/a.yaml": text(name="a")}).body["endpoints"] == []
