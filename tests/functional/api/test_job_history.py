import pytest

JOB = {"name": "backup", "schedule": "*/5 * * * *", "command": "true"}
PLACE = "/api/jobs/default/backup"


@pytest.fixture
def commits(ada):
    """Three commits of a job, newest first."""
    made = [ada.post("/api/jobs", JOB), ada.post(f"{PLACE}/pause"), ada.delete(PLACE)]
    return [answer.body["commit"] for answer in made][::-1]


@pytest.fixture
def moved(ada):
    """Three commits of a job that was renamed and moved and still is there, newest first."""
    ada.post("/api/jobs", JOB | {"name": "other"})
    made = [
        ada.post("/api/jobs", JOB),
        ada.put(PLACE, JOB | {"name": "dump", "schedule": "@daily"}),
        ada.put("/api/jobs/default/dump", JOB | {"name": "dump", "namespace": "ops", "schedule": "@daily"}),
    ]
    return [answer.body["commit"] for answer in made][::-1]


def pages(api, place, limit):
    """Return all pages of a history."""
    found, after = [], ""
    while True:
        page = api.get(f"{place}/history?limit={limit}{after}").body
        found.append([one["sha"] for one in page["commits"]])
        if page["next"] is None:
            return found
        after = f"&next={page['next']}"


def test_a_history_names_who_did_what_when_newest_first_also_of_a_deleted_job(ada, commits):
    history = ada.get(f"{PLACE}/history").body

    assert [one["sha"] for one in history["commits"]] == commits
    assert [one["subject"] for one in history["commits"]] == [
        "Delete job default/backup",
        "Pause job default/backup",
        "Create job default/backup",
    ]
    assert history["commits"][0]["author"] == "ada"
    assert history["commits"][0]["at"].endswith("Z")
    assert history["next"] is None


def test_a_history_comes_in_pages_the_last_of_which_may_be_empty(ada, commits):
    assert pages(ada, PLACE, 2) == [commits[:2], commits[2:]]
    assert pages(ada, PLACE, 3) == [commits, []]


def test_a_history_goes_on_where_the_job_lay_before(ada, moved):
    found = pages(ada, "/api/jobs/ops/dump", 20)
    paths = [one["path"] for one in ada.get("/api/jobs/ops/dump/history").body["commits"]]

    assert [sha for page in found for sha in page] == moved
    assert paths == ["ops/dump.yaml"]


def test_a_change_pushed_by_hand_is_in_the_history(ada, forge, commits):
    forge.push("ada", "default/backup.yaml", b"x")

    newest = ada.get(f"{PLACE}/history").body["commits"][0]

    assert (newest["author"], newest["subject"]) == ("hand", "By hand")


def test_a_job_that_never_was_has_no_history(ada):
    places = ["default/none", "none/backup", "default/No_Good", "..%2F..%2F/x"]

    assert {ada.get(f"/api/jobs/{place}/{view}").status for place in places for view in ("history", "diff")} == {404}


BROKEN = {"limit=0": "limit", "limit=51": "limit", "next=x": "next", "next=0:main:a": "next", "a=1": "a"}


def test_a_query_that_breaks_a_rule_is_named(ada):
    answers = {query: ada.get(f"{PLACE}/history?{query}") for query in BROKEN}

    assert {query: (answer.status, *answer.problems) for query, answer in answers.items()} == {
        query: (422, field) for query, field in BROKEN.items()
    }


def test_a_diff_shows_the_last_change_line_by_line_and_field_by_field(ada, moved):
    ada.put("/api/jobs/ops/dump", JOB | {"name": "dump", "namespace": "ops", "schedule": "@weekly", "env": {"A": "1"}})

    diff = ada.get("/api/jobs/ops/dump/diff").body

    assert diff["before"]["commit"] == moved[0]
    assert diff["diff"].startswith("--- a/ops/dump.yaml\n+++ b/ops/dump.yaml\n@@")
    assert '-  schedule: "@daily"\n+  schedule: "@weekly"\n' in diff["diff"]
    assert diff["changes"] == [
        {"field": "spec.schedule", "before": "@daily", "after": "@weekly"},
        {"field": "spec.env.A", "before": None, "after": "1"},
    ]


def test_a_diff_spans_a_move(ada, moved):
    last = ada.get("/api/jobs/ops/dump/diff").body
    whole = ada.get(f"/api/jobs/ops/dump/diff?from={moved[2]}&to={moved[0]}").body

    assert [change["field"] for change in last["changes"]] == ["metadata.namespace"]
    assert (whole["before"]["path"], whole["after"]["path"]) == ("default/backup.yaml", "ops/dump.yaml")
    assert [change["field"] for change in whole["changes"]] == ["metadata.name", "metadata.namespace", "spec.schedule"]


def test_a_diff_of_a_commit_is_what_it_did(ada, commits):
    paused = ada.get(f"{PLACE}/diff?to={commits[1]}").body
    deleted = ada.get(f"{PLACE}/diff").body

    assert [change["field"] for change in paused["changes"]] == ["spec.paused"]
    assert (deleted["after"]["path"], deleted["after"]["manifest"]) == (None, "")
    assert deleted["diff"].splitlines()[1] == "+++ /dev/null"


def test_the_first_version_differs_from_nothing(ada):
    ada.post("/api/jobs", JOB)

    diff = ada.get(f"{PLACE}/diff").body

    assert diff["before"] == {"commit": None, "path": None, "manifest": ""}
    assert diff["diff"].startswith("--- /dev/null\n")


def test_a_diff_to_a_broken_manifest_has_lines_and_no_fields(ada, forge):
    ada.post("/api/jobs", JOB)
    forge.push("ada", "default/backup.yaml", b"kind: [")

    diff = ada.get(f"{PLACE}/diff").body

    assert (diff["changes"], diff["after"]["manifest"]) == (None, "kind: [")


@pytest.mark.parametrize("commit", ["0" * 40, "first"])
def test_a_commit_that_does_not_hold_the_job_is_not_found(ada, forge, commits, commit):
    commit = forge.commits("ada")[-1]["sha"] if commit == "first" else commit

    assert ada.get(f"{PLACE}/diff?from={commit}").status == 404


def test_what_is_no_commit_is_named(ada, commits):
    answer = ada.get(f"{PLACE}/diff?from=main")

    assert (answer.status, list(answer.problems)) == (422, ["from"])
