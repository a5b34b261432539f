"""Numbers for Prometheus, read from what is there."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chalicelib.domain.instances import Instance, LastRun, Reported
from chalicelib.domain.tallies import Tally
from chalicelib.services import request_metrics
from chalicelib.store import instances as instance_store
from chalicelib.store import metrics as metrics_store
from chalicelib.store import tenants as tenant_store
from tests.fixtures.builders import JOB_ID, run_id
from tests.functional.api.conftest import beat


def scrape(api, path: str = "/api/metrics") -> dict[tuple, float]:
    answer = api.get(path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    parsed = text_string_to_metric_families(answer.text)
    return {(sample.name, *sorted(sample.labels.items())): sample.value for family in parsed for sample in family.samples}


def instance(tenant_id: str, endpoint_id: str, now: datetime, **changes) -> Instance:
    last = LastRun(run_id(), "success", now - timedelta(seconds=3), now - timedelta(seconds=1), 2000, 0)
    tally = Tally().counting("success", 2000, was_open=False).counting("timeout", 10, was_open=False)
    facts = {"last": last, "last_success_at": now, "day": now.date().isoformat(), "today": tally} | changes
    return Instance(tenant_id, endpoint_id, JOB_ID, "backup", "default", **facts)


def test_a_new_tenant_has_zeroes_not_gaps(ada):
    shown = scrape(ada)

    assert shown["crontopus_endpoints", ("state", "active")] == 0
    assert shown["crontopus_jobs", ("state", "enabled")] == 0
    assert shown["crontopus_runs_today", ("status", "success")] == 0
    assert shown["crontopus_repository_up",] == 1


def test_what_a_tenant_has_is_counted(api, ada, agent):
    beat(api, agent, spool_depth=4)
    ada.post("/api/jobs", {"name": "backup", "schedule": "@daily", "command": "true"})
    ada.post("/api/jobs", {"name": "late", "schedule": "@daily", "command": "true", "paused": True})
    now = datetime.now(UTC).replace(microsecond=0)
    instance_store.save_derived(None, instance("ada", agent["endpoint"]["id"], now))

    shown = scrape(ada)

    labels = (
        ("endpoint", "web-1"),
        ("endpoint_id", agent["endpoint"]["id"]),
        ("job", "backup"),
        ("job_id", JOB_ID),
        ("namespace", "default"),
    )
    assert shown["crontopus_endpoints", ("state", "active")] == 1
    assert shown["crontopus_unsent_runs",] == 4
    assert (shown["crontopus_jobs", ("state", "enabled")], shown["crontopus_jobs", ("state", "paused")]) == (1, 1)
    assert shown["crontopus_runs_today", ("status", "timeout")] == 1
    assert shown["crontopus_results_today", ("result", "failure")] == 1
    assert shown["crontopus_job_last_success_timestamp_seconds", *labels] == now.timestamp()
    assert shown["crontopus_job_last_run_success", *labels] == 1
    assert shown["crontopus_job_last_run_duration_seconds", *labels] == 2
    assert shown["crontopus_drifted_instances",] == 0


def test_yesterdays_runs_are_not_todays(ada, agent):
    yesterday = datetime.now(UTC) - timedelta(days=1)
    instance_store.save_derived(None, instance("ada", agent["endpoint"]["id"], yesterday))

    assert scrape(ada)["crontopus_runs_today", ("status", "success")] == 0


def test_drift_is_counted(ada, agent):
    now = datetime.now(UTC)
    reported = Reported("scheduled", "crontopus", True, "edited by hand", now)
    instance_store.save_reported(instance("ada", agent["endpoint"]["id"], now, reported=reported))

    assert scrape(ada)["crontopus_drifted_instances",] == 1


def test_a_forge_that_is_down_takes_its_own_numbers_with_it_and_no_others(ada, flaky_forge):
    flaky_forge.is_down = True

    shown = scrape(ada)

    assert shown["crontopus_repository_up",] == 0
    assert ("crontopus_jobs", ("state", "enabled")) not in shown
    assert ("crontopus_endpoints", ("state", "active")) in shown


def test_the_cost_is_a_query_for_each_endpoint_and_no_scan(ada, agent, calls):
    scrape(ada)
    calls.names.clear()

    scrape(ada)

    assert (calls.count("Query"), calls.count("Scan"), calls.count("BatchGetItem")) == (3, 0, 0)


def test_another_tenants_numbers_stay_its_own(ada, eve, agent):
    assert scrape(eve)["crontopus_endpoints", ("state", "inactive")] == 0


def test_only_operators_see_the_installation(ada):
    answer = ada.get("/metrics")

    assert (answer.status, answer.text) == (403, "this is for the operators of this installation\n")


def test_an_operator_sees_what_was_served_and_what_is_behind(ada):
    tenant_store.set_operator("ada", is_operator=True)
    metrics_store.add({"check-in 200": 3, "check-in us": 1500})

    shown = scrape(ada, "/metrics")

    assert shown["crontopus_http_requests_total", ("limit", "check-in"), ("status", "200")] == 3
    assert {name: shown["crontopus_dependency_up", ("name", name)] for name in ("database", "forge", "secrets")} == {
        "database": 1,
        "forge": 1,
        "secrets": 1,
    }


def test_functions_add_up_what_they_served(tables):
    metrics_store.add({"reads 200": 2, "reads us": 10})
    metrics_store.add({"reads 200": 1, "check-in 401": 1})

    assert request_metrics.told() == {"reads 200": 3, "reads us": 10, "check-in 401": 1}


def test_before_the_first_request_there_is_nothing_to_tell(tables):
    assert request_metrics.told() == {}


@pytest.mark.parametrize("path", ["/metrics", "/api/metrics"])
def test_without_a_credential_there_are_no_numbers(api, path):
    assert api.get(path).status == 401
