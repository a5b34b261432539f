import pytest

JOB = {"name": "backup", "schedule": "*/5 * * * *", "command": "true"}
PLACE = "/api/jobs/default/backup"


@pytest.fixture
def commits(ada):
    """Three commits of a job, newest first."""
    made = [ada.post("/api/jobs", JOB), ada.post(f"{PLACE}/pause"), ada.delete(PLACE)]
    return [answer.body["commit"] for answer in made][::-1]


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


def test_a_history_comes_in_pages(ada, commits):
    first = ada.get(f"{PLACE}/history?limit=2").body
    second = ada.get(f"{PLACE}/history?limit=2&next={first['next']}").body

    assert [one["sha"] for one in first["commits"] + second["commits"]] == commits
    assert second["next"] is None


def test_a_history_that_ends_with_a_page_says_so_on_the_next(ada, commits):
    first = ada.get(f"{PLACE}/history?limit=3").body

    assert ada.get(f"{PLACE}/history?limit=3&next={first['next']}").body == {"commits": [], "next": None}


def test_a_change_pushed_by_hand_is_in_the_history(ada, forge, commits):
    forge.push("ada", "default/backup.yaml", b"x")

    newest = ada.get(f"{PLACE}/history").body["commits"][0]

    assert (newest["author"], newest["subject"]) == ("hand", "By hand")


@pytest.mark.parametrize("place", ["default/none", "none/backup", "default/No_Good", "..%2F..%2F/x"])
def test_a_job_that_never_was_has_no_history(ada, place):
    assert ada.get(f"/api/jobs/{place}/history").status == 404


@pytest.mark.parametrize(("query", "field"), [("limit=0", "limit"), ("limit=51", "limit"), ("next=x", "next"), ("a=1", "a")])
def test_a_query_that_breaks_a_rule_is_named(ada, query, field):
    answer = ada.get(f"{PLACE}/history?{query}")

    assert (answer.status, list(answer.problems)) == (422, [field])
