import pytest

from tests.unit.cli_fakes import FakeApi, Reply, run

INCIDENT = {
    "id": "01k", "title": "ops/backup on web-1 failed", "state": "open", "severity": "critical", "why": "exit code 3",
    "opened_at": "2026-11-20T12:00:00.000Z", "rule": "job-failed", "bad": 1, "run_id": "0199",
    "events": [{"at": "2026-11-20T12:00:00.000Z", "kind": "opened", "who": None, "words": "exit code 3"}],
}  # fmt: skip


def test_status_says_what_is_red_and_ends_with_1() -> None:
    result = run("status", api=FakeApi(Reply({"incidents": [INCIDENT], "next": None})))

    assert result.exit_code == 1
    assert "ops/backup on web-1 failed" in result.stdout
    assert "exit code 3" in result.stdout


def test_status_is_quiet_when_all_is_well() -> None:
    result = run("status", api=FakeApi(Reply({"incidents": [], "next": None})))

    assert result.exit_code == 0
    assert "All is well" in result.stdout + result.stderr


@pytest.mark.parametrize(("words", "path", "verb"), [
    (("ack", "01k"), "acknowledge", "Acknowledged"), (("resolve", "01k"), "resolve", "Resolved"),
    (("snooze", "01k", "--for", "2h"), "snooze", "Snoozed"),
])  # fmt: skip
def test_people_say_what_they_do_about_it(words: tuple[str, ...], path: str, verb: str) -> None:
    api = FakeApi(Reply({"incident": INCIDENT}))

    result = run("incidents", *words, api=api)

    assert api.sent == [("POST", f"/api/incidents/01k/{path}")]
    assert result.stdout == f"{verb}: ops/backup on web-1 failed.\n"


def test_a_time_that_is_none_is_explained() -> None:
    result = run("incidents", "snooze", "01k", "--for", "soon", api=FakeApi())

    assert (result.exit_code, "such as 90s or 2h" in result.stderr) == (2, True)


def test_an_incident_is_shown_with_its_timeline() -> None:
    result = run("incidents", "show", "01k", api=FakeApi(Reply({"incident": INCIDENT})))

    assert "opened" in result.stdout
    assert "runs show 0199" in result.stderr


def test_ended_ones_are_listed_on_demand() -> None:
    api = FakeApi(Reply({"incidents": [INCIDENT], "next": None}))

    run("incidents", "list", "--all", api=api)

    assert api.sent == [("GET", "/api/incidents?state=all&limit=50")]
