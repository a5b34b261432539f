"""Ping URLs, as the pinging API of healthchecks documents them, through the application and a real forge."""

from datetime import UTC, datetime

import pytest
import time_machine as clocks

from chalicelib.domain import ids
from chalicelib.services import rate_limits
from tests.functional.api.pinging import CHECK, OTHER_RID, RID, ping, runs


@pytest.fixture
def job(ada) -> dict:
    return dict(ada.post("/api/jobs", CHECK).body["job"])


@pytest.fixture
def url(job) -> str:
    return "/ping/" + job["ping_url"].rpartition("/ping/")[2]


def test_a_ping_is_ok_and_a_run(api, ada, job, url):
    answer = ping(api, url)

    assert (answer.status, answer.text) == (200, "OK")
    (run,) = runs(ada)
    assert (run["job_id"], run["job_name"], run["namespace"]) == (job["id"], "backup", "default")
    assert (run["endpoint_id"], run["status"], run["duration_ms"], run["exit_code"]) == ("ping", "success", None, None)
    assert ids.is_uuid(run["run_id"], 7)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_each_method_pings_with_or_without_a_trailing_slash(api, ada, url, method):
    answers = [ping(api, url, method), ping(api, url + "/", method)]

    assert {answer.status for answer in answers} == {200}
    assert len(runs(ada)) == 2


def test_what_clients_look_for_is_in_the_headers(api, url):
    headers = {name.lower(): value for name, value in ping(api, url).headers.items()}

    assert headers["ping-body-limit"] == "10000"
    assert headers["access-control-allow-origin"] == "*"
    assert headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("ending", "status", "exit_code"),
    [("", "success", None), ("/0", "success", 0), ("/1", "failure", 1), ("/255", "failure", 255), ("/fail", "failure", None)],
)
def test_an_ending_says_how_the_run_ended(api, ada, url, ending, status, exit_code):
    assert ping(api, url + ending).text == "OK"

    (run,) = runs(ada)
    assert (run["status"], run["exit_code"]) == (status, exit_code)


@pytest.mark.parametrize("ending", ["/256", "/99999999999", "/start/again"])
def test_an_unknown_ending_is_refused(api, url, ending):
    answer = ping(api, url + ending)

    assert (answer.status, answer.text) in [(400, "invalid url format"), (404, "not found")]


def test_an_exit_code_that_no_process_has_is_an_invalid_url(api, url):
    answer = ping(api, url + "/256")

    assert (answer.status, answer.text) == (400, "invalid url format")


def test_what_is_no_uuid_is_an_invalid_url(api):
    answer = ping(api, "/ping/backup")

    assert (answer.status, answer.text) == (400, "invalid url format")


def test_an_unknown_uuid_is_not_found(api, tables):
    answer = ping(api, f"/ping/{RID}")

    assert (answer.status, answer.text) == (404, "not found")


def test_a_run_id_that_is_no_uuid_is_refused_and_counts_nothing(api, ada, url):
    answer = ping(api, f"{url}?rid=7")

    assert (answer.status, answer.text) == (400, "invalid uuid format")
    assert runs(ada) == []


def test_a_start_is_a_running_run_that_its_end_completes(api, ada, url):
    ping(api, f"{url}/start?rid={RID}")
    (begun,) = runs(ada)
    ping(api, f"{url}?rid={RID.upper()}")

    (ended,) = runs(ada)
    assert (begun["status"], ended["status"], ended["run_id"]) == ("running", "success", begun["run_id"])
    assert ended["duration_ms"] >= 0


def test_a_success_of_another_run_leaves_the_first_one_open(api, ada, url):
    ping(api, f"{url}/start?rid={RID}")
    ping(api, f"{url}?rid={OTHER_RID}")

    assert sorted((run["status"], run["duration_ms"]) for run in runs(ada)) == [("running", None), ("success", None)]


def test_a_failure_closes_the_run_whatever_its_id(api, ada, url):
    ping(api, f"{url}/start?rid={RID}")
    ping(api, f"{url}/fail?rid={OTHER_RID}")

    (run,) = runs(ada)
    assert (run["status"], run["duration_ms"]) == ("failure", None)


def test_a_log_line_is_no_run(api, ada, url):
    assert ping(api, url + "/log", "POST", b"half way").text == "OK"

    assert runs(ada) == []


def test_a_repeated_ping_is_another_one(api, ada, url):
    for _ in range(3):
        ping(api, url)

    assert len(runs(ada)) == 3


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "application/json", "x/y", ""])
def test_a_body_of_any_type_is_kept_as_output(api, ada, url, content_type):
    assert ping(api, url, "POST", b"42 files\n", Content_Type=content_type).text == "OK"

    (run,) = runs(ada)
    assert ada.get(f"/api/runs/{run['run_id']}").body["run"]["output"] == "42 files\n"


def test_the_beginning_of_a_large_body_is_kept_and_never_refused(api, ada, url):
    answer = ping(api, url + "/fail", "POST", b"x" * 300_000, Content_Type="text/plain")

    (run,) = runs(ada)
    assert answer.text == "OK"
    assert (run["output_bytes"], run["output_truncated"]) == (300_000, True)
    assert ada.get(f"/api/runs/{run['run_id']}").body["run"]["output"] == "x" * 10_000


def test_how_much_of_a_body_is_kept_is_for_the_operator_to_say(api, ada, monkeypatch):
    monkeypatch.setenv("PING_BODY_LIMIT", "5")
    job = ada.post("/api/jobs", CHECK).body["job"]

    headers = ping(api, f"/ping/{job['id']}", "POST", b"1234567").headers

    (run,) = runs(ada)
    assert ada.get(f"/api/runs/{run['run_id']}").body["run"]["output"] == "12345"
    assert "5" in [value for name, value in headers.items() if name.lower() == "ping-body-limit"]


def test_a_job_that_wants_no_output_keeps_none(api, ada):
    job = ada.post("/api/jobs", CHECK | {"output": "none"}).body["job"]
    ping(api, f"/ping/{job['id']}", "POST", b"secret")

    (run,) = runs(ada)
    assert ada.get(f"/api/runs/{run['run_id']}").body["run"]["output"] is None


def test_a_job_that_agents_run_may_be_pinged_too(api, ada):
    job = ada.post("/api/jobs", {"name": "nightly", "schedule": "@daily", "command": "true"}).body["job"]

    assert ping(api, f"/ping/{job['id']}").text == "OK"
    assert [run["job_name"] for run in runs(ada)] == ["nightly"]


def test_pings_go_on_while_the_forge_is_down(api, ada, flaky_forge):
    job = ada.post("/api/jobs", CHECK).body["job"]
    flaky_forge.is_down = True

    assert ping(api, f"/ping/{job['id']}").text == "OK"
    assert len(runs(ada)) == 1


def test_a_renamed_job_keeps_its_url(api, ada, url):
    ada.put("/api/jobs/default/backup", CHECK | {"name": "backup-2"})

    assert ping(api, url).text == "OK"
    assert [run["job_name"] for run in runs(ada)] == ["backup-2"]


def test_a_deleted_job_is_not_found(api, ada, url):
    ada.delete("/api/jobs/default/backup")

    assert ping(api, url).status == 404


def test_a_check_that_is_pinged_too_often_is_told_when_to_come_again(api, url, monkeypatch):
    monkeypatch.setenv("RATE_LIMIT_FACTOR", "1")
    rate_limits.limiter.cache_clear()

    with clocks.travel(datetime.now(UTC), tick=False):
        answers = [ping(api, url + "/log") for _ in range(61)]
    refused = answers.pop()

    assert {answer.status for answer in answers} == {200}
    assert refused.status == 429
    assert int({name.lower(): value for name, value in refused.headers.items()}["retry-after"]) > 0


@pytest.mark.parametrize(("ending", "writes"), [("", 2), ("/fail", 2), ("/log", 2), ("/start", 3)])
def test_a_ping_costs_one_read(api, url, calls, ending, writes):
    # What a warm function reads now and then, not for each ping, it reads here.
    ping(api, url + "/log")
    calls.names.clear()

    ping(api, url + ending)

    assert (calls.reads, calls.writes) == (1, writes)
