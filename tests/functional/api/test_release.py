"""Adopting does what the line did; releasing gives the job back to its line."""

import pytest

from tests.functional.api.test_discovery import enrolled, line, report
from tests.functional.api.test_job_moves import changed_files

RAW = "/usr/local/bin/tidy --date \\%F %keep%these"


@pytest.fixture
def found(api, agent):
    """One line with all that may be told of it."""
    more = {"env": {"PATH": "/opt/bin"}, "shell": "/bin/bash", "note": "its mail went to ops@example.org"}
    return report(api, agent, [line("0 5 * * *", RAW, **more)]).body["jobs"][0]


@pytest.fixture
def adopted(ada, found):
    return ada.post(f"/api/jobs/discovered/{found['name']}/adopt", {"target_namespace": "ops"}).body["job"]


def test_a_found_line_says_what_was_in_force_for_it_and_where(ada, api, agent, found):
    system = line("@daily", "x", user="root", table="/etc/cron.d/x")
    other = report(api, agent, [system], is_complete=False).body["jobs"][0]

    job, theirs = (ada.get(f"/api/jobs/discovered/{one['name']}").body["job"] for one in (found, other))

    assert (job["command"], job["env"], job["shell"]) == (RAW, {"PATH": "/opt/bin"}, "/bin/bash")
    assert job["annotations"]["crontopus.com/note"] == "its mail went to ops@example.org"
    assert (theirs["user"], theirs["annotations"]["crontopus.com/table"]) == ("root", "/etc/cron.d/x")
    refused = ada.post(f"/api/jobs/discovered/{found['name']}/release")
    assert (refused.status, "there is nothing to release" in refused.body["error"]["message"]) == (409, True)


def test_an_adopted_command_does_what_cron_made_of_the_line(adopted):
    assert adopted["command"] == ("exec <<'CRONTOPUS_INPUT'\nkeep\nthese\nCRONTOPUS_INPUT\n/usr/local/bin/tidy --date %F ")
    assert (adopted["env"], adopted["shell"], adopted["schedule"]) == ({"PATH": "/opt/bin"}, "/bin/bash", "0 5 * * *")
    assert "crontopus.com/note" not in adopted["annotations"]


def test_a_released_job_is_what_it_was_before_it_was_adopted(ada, api, agent, found, forge):
    before = ada.get(f"/api/jobs/discovered/{found['name']}").body["job"]
    ada.post(f"/api/jobs/discovered/{found['name']}/adopt", {"target_namespace": "ops"})
    ada.post(f"/api/jobs/ops/{found['name']}/pause")

    released = ada.post(f"/api/jobs/ops/{found['name']}/release")

    assert released.status == 200
    names = ("id", "name", "namespace", "schedule", "command", "env", "shell", "labels", "state")
    assert {key: released.body["job"][key] for key in names} == {key: before[key] for key in names}
    assert sorted(changed_files(forge)) == [f"A\tdiscovered/{found['name']}.yaml", f"D\tops/{found['name']}.yaml"]
    assert forge.commits("ada")[0]["subject"] == f"Release job ops/{found['name']}"


def test_a_job_that_cannot_be_adopted_says_why(ada, api, agent):
    odd = [line("@daily", RAW, obstacle="it holds odd bytes"), line("@weekly", RAW) | {"shell": "/usr/bin/fish"}]
    names = [job["name"] for job in report(api, agent, odd).body["jobs"]]

    answers = [ada.post(f"/api/jobs/discovered/{name}/adopt", {"target_namespace": "ops"}) for name in names]

    assert [answer.status for answer in answers] == [409, 409]
    words = [answer.body["error"]["message"] for answer in answers]
    assert "it holds odd bytes" in words[0] and "% begins input, which /usr/bin/fish" in words[1]


def test_an_adopted_line_in_its_comment_is_neither_gone_nor_new(ada, api, agent, found, adopted):
    aside = line("0 5 * * *", RAW, id=found["id"], set_aside=True)

    assert report(api, agent, [aside]).body["jobs"][0]["state"] == "adopted"
    ada.post(f"/api/jobs/ops/{found['name']}/release")
    again = report(api, agent, [aside]).body
    assert (again["jobs"][0]["state"], again["removed"]) == ("unchanged", [])


def test_a_deleted_adopted_job_does_not_come_back_by_its_comment(ada, api, agent, found, adopted):
    ada.delete(f"/api/jobs/ops/{found['name']}")

    again = report(api, agent, [line("0 5 * * *", RAW, id=found["id"], set_aside=True)]).body

    assert (again["jobs"][0]["state"], again["jobs"][0]["id"]) == ("adopted", None)
    assert ada.get("/api/jobs").body["count"] == 0


def test_a_mark_that_came_with_another_machines_table_is_not_believed(ada, api, agent, found):
    other = enrolled(ada, "web-2", "b")

    answer = report(api, other, [line("0 5 * * *", RAW, id=found["id"])]).body["jobs"][0]

    assert (answer["state"], answer["id"] != found["id"]) == ("added", True)
