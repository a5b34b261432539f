"""What an endpoint finds in its crontab is one commit, or none, under `discovered/`."""

import hashlib

import pytest

from chalicelib.domain import ids
from tests.functional.api.conftest import FACTS
from tests.functional.api.test_job_moves import changed_files

LINES = [("*/5 * * * *", "/usr/local/bin/tidy  --all % x"), ("@daily", "tidy"), ("@daily", "tidy")]


def line(schedule, command, **more):
    return {
        "line_hash": hashlib.sha256(f"{schedule} {command}".encode()).hexdigest(),
        "schedule": schedule,
        "command": command,
    } | more


def report(api, agent, jobs, **more):
    place = f"/api/endpoints/{agent['endpoint']['id']}/discovered-jobs"
    return api.as_(agent["token"]).post(place, {"jobs": jobs} | more)


def enrolled(api, name, machine):
    return api.post("/api/endpoints/enroll", FACTS | {"name": name, "hostname": name, "machine_id": machine * 64}).body


@pytest.fixture
def told(api, agent):
    """Three lines, two of them alike, reported once."""
    return report(api, agent, [line(*one) for one in LINES]).body


def test_found_lines_are_one_commit_in_the_endpoints_name(ada, agent, told, forge):
    commit = forge.commits("ada")[0]

    assert (commit["sha"], commit["author"]) == (told["commit"], "web-1")
    assert commit["subject"] == "Discovered on web-1: add 3"
    assert changed_files(forge) == sorted(f"A\tdiscovered/{one['name']}.yaml" for one in told["jobs"])
    assert [one["line_hash"] for one in told["jobs"]] == [line(*one)["line_hash"] for one in LINES]
    assert all(ids.is_uuid(one["id"], 4) for one in told["jobs"])


def test_a_discovered_job_says_where_it_was_found_and_keeps_its_command(ada, agent, told):
    job = ada.get(f"/api/jobs/discovered/{told['jobs'][0]['name']}").body["job"]

    assert (job["command"], job["schedule"], job["state"]) == (LINES[0][1], LINES[0][0], "discovered")
    assert job["labels"] == {"source": "discovered"}
    assert job["annotations"]["crontopus.com/endpoint"] == agent["endpoint"]["id"]
    assert job["selector"] == {"endpoint": agent["endpoint"]["id"]}, "a new name does not take it off the machine"


@pytest.mark.parametrize("with_marks", [False, True])
def test_the_same_report_again_changes_nothing(api, agent, told, forge, with_marks):
    lines = [line(*one) for one in LINES]
    if with_marks:
        lines = [one | {"id": known["id"]} for one, known in zip(lines, told["jobs"], strict=True)][::-1]

    again = report(api, agent, lines).body

    assert {one["state"] for one in again["jobs"]} == {"unchanged"}
    assert {one["id"] for one in again["jobs"]} == {one["id"] for one in told["jobs"]}
    assert again["commit"] == told["commit"]
    assert len(forge.commits("ada")) == 2


def test_new_changed_and_gone_lines_are_one_commit_together(ada, api, agent, told, forge):
    lines = [line("@hourly", LINES[0][1]), line("@daily", "tidy"), line("@weekly", "mail", name="Weekly Mail!")]

    again = report(api, agent, lines).body

    assert [one["state"] for one in again["jobs"]] == ["changed", "unchanged", "added"]
    assert [one["id"] for one in again["removed"]] == [told["jobs"][2]["id"]]
    assert forge.commits("ada")[0]["subject"] == "Discovered on web-1: add 1, change 1, remove 1"
    assert len(changed_files(forge)) == 3
    assert again["jobs"][2]["name"] == f"weekly-mail-{again['jobs'][2]['id'][:8]}"


def test_a_copy_of_a_marked_line_that_has_no_mark_is_another_job(api, agent, told):
    lines = [line("@daily", "tidy"), line("@daily", "tidy", id=told["jobs"][1]["id"])]

    again = report(api, agent, lines).body["jobs"]

    assert again[0]["id"] != again[1]["id"] == told["jobs"][1]["id"]


def test_a_report_that_left_something_out_removes_nothing(ada, api, agent, told):
    assert report(api, agent, [], is_complete=False).body["removed"] == []
    assert len(report(api, agent, []).body["removed"]) == 3
    assert ada.get("/api/jobs").body["count"] == 0


def test_the_same_line_on_two_endpoints_is_two_jobs_that_leave_each_other_alone(ada, api, agent, told):
    other = enrolled(ada, "web-2", "b")

    second = report(api, other, [line(*LINES[0])]).body
    report(api, other, [])

    assert second["jobs"][0]["id"] not in {one["id"] for one in told["jobs"]}
    assert {job["id"] for job in ada.get("/api/jobs").body["jobs"]} == {one["id"] for one in told["jobs"]}


def test_an_adopted_job_stays_adopted_whatever_is_reported(ada, api, agent, told):
    name = told["jobs"][0]["name"]
    ada.post(f"/api/jobs/discovered/{name}/adopt", {"target_namespace": "ops"})
    before = ada.get(f"/api/jobs/ops/{name}").body

    again = report(api, agent, [line("@hourly", LINES[0][1], id=told["jobs"][0]["id"])]).body
    report(api, agent, [])

    assert (again["jobs"][0]["state"], again["jobs"][0]["namespace"]) == ("adopted", "ops")
    assert ada.get(f"/api/jobs/ops/{name}").body == before


def test_what_people_wrote_into_a_discovered_manifest_stays(ada, api, agent, told, forge):
    path = f"discovered/{told['jobs'][1]['name']}.yaml"
    shown = ada.get(f"/api/jobs/discovered/{told['jobs'][1]['name']}").body
    forge.push("ada", path, f"# not ours\n{shown['manifest']}".replace("    source:", "    team: ops\n    source:").encode())

    report(api, agent, [line("@hourly", "tidy", id=told["jobs"][1]["id"])], is_complete=False)

    after = ada.get(f"/api/jobs/discovered/{told['jobs'][1]['name']}").body
    assert after["manifest"].startswith("# not ours\n")
    assert (after["job"]["labels"]["team"], after["job"]["schedule"]) == ("ops", "@hourly")


def test_a_line_that_no_manifest_can_hold_keeps_no_other_from_being_reported(api, agent):
    told = report(api, agent, [line("61 * * * *", "x"), line("@daily", " "), line("@daily", "good")]).body["jobs"]

    assert [one["state"] for one in told] == ["refused", "refused", "added"]
    assert told[0]["problem"].startswith("spec.schedule:")
    assert told[0]["id"] is None


def test_two_lines_with_one_mark_are_a_conflict(api, agent, told):
    twin = {"id": told["jobs"][0]["id"]}

    answer = report(api, agent, [line("@daily", "a", **twin), line("@daily", "b", **twin)])

    assert (answer.status, sorted(answer.problems)) == (409, ["jobs.0.id", "jobs.1.id"])


def test_a_mark_of_another_tenants_job_opens_nothing(api, ada, eve, agent, told):
    stranger = enrolled(eve, "evil", "e")

    answer = report(api, stranger, [line("@daily", "steal", id=told["jobs"][0]["id"])]).body["jobs"][0]

    assert answer["state"] == "added"
    assert ada.get(f"/api/jobs/discovered/{told['jobs'][0]['name']}").body["job"]["command"] == LINES[0][1]


def test_a_report_that_breaks_a_rule_names_the_field(api, agent):
    wrong = {
        "jobs.0.line_hash": [line("@daily", "x", line_hash="abc")],
        "jobs.0.id": [line("@daily", "x", id="no")],
        "jobs.0.command": [{"schedule": "@daily", "line_hash": "a" * 64}],
        "jobs": [line("@daily", f"x{number}") for number in range(501)],
    }
    answers = {field: report(api, agent, jobs) for field, jobs in wrong.items()}

    assert {field: (answer.status, list(answer.problems)) for field, answer in answers.items()} == {
        field: (422, [field]) for field in wrong
    }


def test_an_endpoint_reports_for_itself_only(api, ada, agent):
    other = enrolled(ada, "web-2", "b")

    assert report(api, other | {"endpoint": agent["endpoint"]}, []).status == 403


def test_a_report_whose_answer_is_lost_has_happened_once(ada, api, agent, forge, flaky_forge):
    ada.get("/api/jobs")
    flaky_forge.fail_call(1)
    report(api, agent, [line(*LINES[0])])
    flaky_forge.heal()

    assert report(api, agent, [line(*LINES[0])]).body["jobs"][0]["state"] == "unchanged"
    assert len(forge.commits("ada")) == 2
