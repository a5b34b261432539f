import pytest

from tests.fixtures.builders import JOB_ID, run_id
from tests.functional.api.conftest import report


def test_a_report_is_stored_and_read_back(api, ada, agent):
    sent = report(agent, output="héllo\x00\n", exit_code=3, status="failure")

    created = api.as_(agent["token"]).post("/api/runs/check-in", sent)
    read = ada.get(f"/api/runs/{sent['run_id']}").body["run"]

    assert (created.status, created.body["results"][0]["outcome"]) == (201, "created")
    assert {key: read[key] for key in sent} == sent


def test_a_repeated_report_is_known(api, agent):
    station = api.as_(agent["token"])
    station.post("/api/runs/check-in", report(agent))

    again = station.post("/api/runs/check-in", report(agent))

    assert (again.status, again.body["results"][0]["outcome"]) == (200, "duplicate")


def test_a_contradicting_report_is_refused_and_the_first_stays(api, ada, agent):
    station = api.as_(agent["token"])
    station.post("/api/runs/check-in", report(agent))

    answer = station.post("/api/runs/check-in", report(agent, exit_code=9, status="failure"))

    assert (answer.status, answer.code) == (409, "run_id_conflict")
    assert ada.get(f"/api/runs/{run_id()}").body["run"]["exit_code"] == 0


def test_one_bad_report_does_not_keep_a_batch_from_being_counted(api, ada, agent):
    batch = {"runs": [report(agent, 1), {"run_id": "nonsense"}, report(agent, 2, status="gone"), report(agent, 3)]}

    results = api.as_(agent["token"]).post("/api/runs/check-in", batch).body["results"]

    assert [result["outcome"] for result in results] == ["created", "invalid", "invalid", "created"]
    assert "status" in results[2]["message"]
    assert len(ada.get("/api/runs").body["runs"]) == 2


def test_a_batch_of_25_costs_two_reads_and_one_write(api, agent, calls):
    api.as_(agent["token"]).post("/api/runs/check-in", {"runs": [report(agent, number) for number in range(25)]})

    assert calls.names == ["GetItem", "BatchGetItem", "BatchWriteItem"]


def test_a_single_report_costs_one_read_and_one_write(api, agent, calls):
    api.as_(agent["token"]).post("/api/runs/check-in", report(agent))

    assert calls.names == ["GetItem", "PutItem"]


def test_a_batch_of_26_is_too_many(api, agent):
    answer = api.as_(agent["token"]).post("/api/runs/check-in", {"runs": [report(agent, number) for number in range(26)]})

    assert (answer.status, list(answer.problems)) == (422, ["runs"])


@pytest.mark.parametrize("body", [{"runs": []}, {"runs": "x"}, {}, [], None, "x"])
def test_a_body_that_is_no_report_is_refused(api, agent, body):
    assert api.as_(agent["token"]).post("/api/runs/check-in", body).status in (400, 422)


def test_a_report_names_what_is_wrong(api, agent):
    sent = report(agent, job_id="x", started_at="yesterday", output="x" * 70_000, surprise=1)

    answer = api.as_(agent["token"]).post("/api/runs/check-in", sent)

    assert answer.status == 422
    assert set(answer.problems) == {"job_id", "started_at", "output", "surprise"}


def test_a_token_speaks_for_its_own_endpoint_only(api, ada, agent):
    station = api.as_(agent["token"])

    single = station.post("/api/runs/check-in", report(agent, endpoint_id="ep-other"))
    batch = station.post("/api/runs/check-in", {"runs": [report(agent, 1), report(agent, 2, endpoint_id="ep-other")]})

    assert (single.status, batch.status) == (403, 403)
    assert ada.get("/api/runs").body["runs"] == []


def test_runs_are_paged_newest_first(api, ada, agent):
    api.as_(agent["token"]).post("/api/runs/check-in", {"runs": [report(agent, number) for number in range(5)]})

    first = ada.get("/api/runs?limit=2").body
    second = ada.get(f"/api/runs?limit=2&next={first['next']}").body
    third = ada.get(f"/api/runs?limit=2&next={second['next']}").body

    seen = [run["run_id"] for page in (first, second, third) for run in page["runs"]]
    assert seen == [run_id(number) for number in (4, 3, 2, 1, 0)]
    assert third["next"] is None


def test_runs_are_filtered(api, ada, agent):
    batch = [report(agent, 1), report(agent, 2, status="failure", exit_code=1), report(agent, 3, job_name="cleanup")]
    api.as_(agent["token"]).post("/api/runs/check-in", {"runs": batch})

    assert [run["run_id"] for run in ada.get("/api/runs?status=failure").body["runs"]] == [run_id(2)]
    assert [run["run_id"] for run in ada.get("/api/runs?job=clean").body["runs"]] == [run_id(3)]
    assert ada.get("/api/runs?namespace=other").body["runs"] == []


BAD_QUERIES = [("limit=0", "limit"), ("limit=x", "limit"), ("status=odd", "status"), ("next=x", "next"), ("a=1", "a")]


@pytest.mark.parametrize(("query", "field"), BAD_QUERIES)
def test_a_query_that_breaks_a_rule_is_named(ada, query, field):
    answer = ada.get(f"/api/runs?{query}")

    assert (answer.status, list(answer.problems)) == (422, [field])


@pytest.mark.parametrize("wanted", ["nonsense", JOB_ID, run_id(77)])
def test_an_unknown_run_is_not_found(ada, wanted):
    assert ada.get(f"/api/runs/{wanted}").status == 404
