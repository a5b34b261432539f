from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain import times
from chalicelib.store import runs as run_store
from tests.fixtures.builders import JOB_ID, run, run_id
from tests.functional.api.conftest import FACTS, report

OTHER_JOB = "6f0c7f0e-0d7c-4c5e-9a52-7d2d6f4b1c12"


@pytest.fixture
def ran(agent, project):
    """What puts runs into the ledger, so many hours ago, and counts them."""
    numbers = iter(range(1, 10_000))

    def put(hours_ago: float = 0, times: int = 1, **facts):
        for _ in range(times):
            number = next(numbers)
            moment = datetime.now(UTC) - timedelta(hours=hours_ago, milliseconds=number)
            moments = dict.fromkeys(("started_at", "finished_at", "reported_at"), moment)
            moments["received_at"] = datetime.now(UTC)
            known = {"run_id": run_id(number, moment), "endpoint_id": agent["endpoint"]["id"]} | moments
            run_store.record(run(number, **known | facts))
        project()

    return put


def by_job(api, query=""):
    return api.get(f"/api/runs/by-job?{query}").body["jobs"]


def by_endpoint(api, query=""):
    return api.get(f"/api/runs/by-endpoint?{query}").body["endpoints"]


def test_reports_win_over_the_run_of_that_name(ada):
    assert ada.get("/api/runs/by-job").body["jobs"] == []
    assert ada.get("/api/runs/by-endpoint").body["endpoints"] == []


def test_runs_are_counted_by_job(ada, ran):
    ran(times=18)
    ran(status="failure", times=1)
    ran(status="timeout", times=1)
    ran(status="skipped", times=5)

    (job,) = by_job(ada)

    assert (job["job_name"], job["namespace"], job["job_ids"], job["endpoint_count"]) == ("backup", "default", [JOB_ID], 1)
    assert (job["run_count"], job["success_count"], job["failure_count"], job["health"]) == (25, 18, 2, "degraded")
    assert job["counts"]["skipped"] == 5


def test_closed_days_and_the_open_one_are_counted_together(ada, ran):
    for days in (20, 6, 5, 1, 0):
        ran(24 * days)

    assert [by_job(ada, query)[0]["run_count"] for query in ("days=1", "days=7", "window=7d", "window=30d", "")] == [
        1,
        4,
        4,
        5,
        4,
    ]


def test_late_runs_count_for_the_day_they_began(ada, ran):
    ran()
    ran(24 * 3, times=2)

    assert (by_job(ada, "days=1")[0]["run_count"], by_job(ada, "days=4")[0]["run_count"]) == (1, 3)


def test_24_hours_reach_over_midnight(ada, ran):
    ran(30)
    ran(23.5, status="failure")
    ran(0.1)

    (job,) = by_job(ada, "window=24h")

    assert (job["run_count"], job["health"], job["average_ms"]) == (2, "warning", None)


def test_a_job_without_runs_in_the_window_is_unknown(ada, ran):
    ran(24 * 10)

    (job,) = by_job(ada)

    assert (job["run_count"], job["health"]) == (0, "unknown")


def test_a_job_keeps_one_row_when_it_is_renamed(ada, ran):
    ran(48, job_name="old")
    ran(0, job_name="new")

    assert [(job["job_name"], job["run_count"]) for job in by_job(ada)] == [("new", 2)]


def test_jobs_are_filtered_and_sorted_by_runs(ada, ran):
    ran(times=2, namespace="ops", job_name="rotate-logs")
    ran(times=3, job_id=OTHER_JOB, job_name="backup-database", status="failure", endpoint_id="ping")

    assert [job["job_name"] for job in by_job(ada)] == ["backup-database", "rotate-logs"]
    for query in ("namespace=ops", "job=LOGS", "status=success"):
        assert [job["job_name"] for job in by_job(ada, query)] == ["rotate-logs"], query
    assert [job["job_name"] for job in by_job(ada, "endpoint_id=ping")] == ["backup-database"]
    assert by_job(ada, "page=2&page_size=1")[0]["job_name"] == "rotate-logs"
    assert ada.get("/api/runs/by-job?page=2&page_size=1").body["total"] == 2


def test_runs_are_counted_by_endpoint(api, ada, agent, ran):
    ada.post("/api/endpoints/enroll", FACTS | {"machine_id": "b" * 64, "name": "db-1", "hostname": "db-1.example.org"})
    ran(times=2)
    ran(times=1, endpoint_id="ping")

    rows = by_endpoint(ada)

    assert [(row["name"], row["run_count"], row["health"]) for row in rows] == [
        ("web-1", 2, "healthy"),
        ("ping", 1, "healthy"),
        ("db-1", 0, "unknown"),
    ]
    assert (rows[0]["hostname"], rows[0]["platform"], rows[0]["machine_id"]) == ("web-1.example.org", "linux", "a" * 64)
    assert (rows[0]["version"], rows[0]["job_count"]) == ("0.1.0", 1)
    for query in ("name=DB", "hostname=db-1", f"machine_id={'b' * 64}"):
        assert [row["name"] for row in by_endpoint(ada, query)] == ["db-1"], query
    assert len(by_endpoint(ada, "platform=linux")) == 2


def test_durations_are_averaged(ada, ran):
    ran(duration_ms=100)
    ran(duration_ms=300)

    (job,) = by_job(ada)

    assert (job["average_ms"], job["longest_ms"]) == (200, 300)


@pytest.mark.parametrize("path", ["/api/runs/by-job", "/api/runs/by-endpoint"])
@pytest.mark.parametrize(("query", "field"), [("days=0", "days"), ("days=401", "days"), ("window=2d", "window"), ("x=1", "x")])
def test_a_query_that_breaks_a_rule_is_named(ada, path, query, field):
    answer = ada.get(f"{path}?{query}")

    assert (answer.status, list(answer.problems)) == (422, [field])


def test_a_report_reads_no_run(ada, ran, calls):
    ran(48, times=3)
    ran(0, times=3)
    calls.names.clear()

    by_job(ada, "days=7")

    # The endpoints, the instances of one endpoint and those of pings, and seven dates.
    assert calls.names.count("Query") == 3 + 7
    assert calls.reads == calls.names.count("Query") + calls.names.count("GetItem")


def test_another_tenants_runs_are_not_counted(ada, eve, ran):
    ran()

    assert (by_job(eve), by_endpoint(eve)) == ([], [])


def total(api, query=""):
    return api.get(f"/api/runs?limit=1&{query}").body["total"]


def test_a_list_says_how_many_there_are(ada, ran):
    ran(24 * 9)
    ran(24 * 2, times=2, status="failure")
    ran(30)
    ran(0, times=3, job_name="other", job_id=OTHER_JOB)

    totals = [
        total(ada, q) for q in ("", "days=30", "status=failure", "job=oth", "namespace=no", "window=24h", "endpoint_id=x")
    ]

    assert totals == [6, 7, 2, 3, 0, 3, 0]
    first = ada.get("/api/runs?limit=1&count=false").body
    assert first["total"] is None
    second = f"/api/runs?limit=1&next={first['next']}"
    assert [ada.get(second).body["total"], ada.get(f"{second}&count=true").body["total"]] == [None, 6]


def test_the_total_is_that_of_what_is_listed(ada, ran):
    for hours in range(0, 24 * 9, 5):
        ran(hours)

    for query in ("", "days=1", "days=3", "window=24h", "window=all", "status=success&days=5"):
        listed = ada.get(f"/api/runs?limit=1000&{query}").body
        assert listed["total"] == len(listed["runs"]) == total(ada, query), query


def test_a_filter_that_is_empty_is_none(ada, ran):
    ran(times=3)

    assert total(ada, "namespace=&job=&endpoint_id=") == 3
    assert len(by_job(ada, "namespace=&job=&endpoint_id=")) == len(by_endpoint(ada, "name=&platform=")) == 1


def test_a_total_reads_no_run(ada, ran, calls):
    ran(times=5)
    calls.names.clear()

    ada.get("/api/runs?limit=2&days=1")

    # Tomorrow and today until the page is full; then endpoints, two partitions of instances, one date.
    assert calls.names.count("Query") == 2 + 3 + 1


def test_pages_are_leafed_through_by_number_too(ada, ran):
    ran(times=5)

    pages = [ada.get(f"/api/runs?page={page}&page_size=2").body for page in (1, 2, 3, 4)]

    assert [len(page["runs"]) for page in pages] == [2, 2, 1, 0]
    assert [(page["total"], page["page"], page["page_size"]) for page in pages] == [(5, number, 2) for number in (1, 2, 3, 4)]
    assert len({found["run_id"] for page in pages for found in page["runs"]}) == 5


BAD = [("page=101&limit=100", "page"), ("limit=5&page_size=6", "page_size"), ("days=1&window=7d", "window")]


@pytest.mark.parametrize(("query", "field"), BAD)
def test_what_does_not_fit_together_is_named(ada, query, field):
    answer = ada.get(f"/api/runs?{query}")

    assert (answer.status, list(answer.problems)) == (422, [field])


def test_a_window_reaches_no_further_than_runs_are_kept(ada, ran):
    from chalicelib.store import tenants as tenant_store

    ran(24 * 8)
    ran(0)
    tenant = tenant_store.find("ada")
    tenant_store.amend(tenant, None, 7)

    assert (total(ada, "window=all"), total(ada, "days=90"), len(ada.get("/api/runs?window=30d").body["runs"])) == (1, 1, 1)


def test_what_an_endpoint_reports_is_kept_as_long_as_its_tenant_says(api, ada, agent):
    ada.call("PATCH", "/api/tenants/me", {"retention_days": 7})
    api.as_(agent["token"]).post("/api/runs/check-in", report(agent))
    api.as_(agent["token"]).post("/api/runs/check-in", {"runs": [report(agent, 2), report(agent, 3)]})

    assert days_kept(JOB_ID) == [7, 7, 7]


def test_what_is_pinged_is_kept_as_long_as_its_tenant_says(api, ada):
    job = ada.post("/api/jobs", {"name": "backup", "schedule": "@daily", "command": "true"}).body["job"]
    ada.call("PATCH", "/api/tenants/me", {"retention_days": 30})

    for ending in ("/start", ""):
        assert api.get(f"/ping/{job['id']}{ending}").status == 200

    assert set(days_kept(job["id"])) == {30}


def days_kept(job_id: str) -> list[float]:
    stored = run_store.RunItem.query(f"ada#{job_id}")
    return [round((item.ttl - times.to_millis(item.received_at) // 1000) / 86400, 3) for item in stored]
