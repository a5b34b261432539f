"""Which jobs a list shows, how it goes on, and what it costs with a thousand of them."""

import pytest

from chalicelib.domain import manifest, quotas
from chalicelib.services import jobs
from tests.fixtures.builders import job
from tests.functional.api.test_job_moves import DISCOVERED


def uuid(number):
    return f"5f0c7f0e-0d7c-4c5e-9a52-{number:012d}"


@pytest.fixture
def crowd(ada, forge):
    """Five jobs in three namespaces, one of them discovered, pushed in one commit."""
    made = [
        job(id=uuid(1), name="backup", labels={"team": "ops", "tier": "gold"}),
        job(id=uuid(2), name="report", labels={"team": "ops"}, paused=True),
        job(id=uuid(3), name="mail", namespace="nightly", command="send --All", enabled=False, paused=True),
        job(id=uuid(4), name="stats", namespace="nightly", schedule="@weekly"),
    ]
    files = {f"{one.namespace}/{one.name}.yaml": manifest.dump(one).encode() for one in made}
    forge.push_all("ada", files | {"discovered/tidy.yaml": DISCOVERED})


def named(api, query):
    return [one["name"] for one in api.get(f"/api/jobs?{query}").body["jobs"]]


WANTED = {
    "": ["backup", "report", "tidy-web-1", "mail", "stats"],
    "namespace=nightly": ["mail", "stats"],
    "label=team%3Dops": ["backup", "report"],
    "label=team%3Dops&label=tier%3Dgold": ["backup"],
    "label=team%3Dops,tier%3Dgold": ["backup"],
    "label=team%3D": [],
    "text=PORT": ["report"],
    "text=send+--all": ["mail"],
    "text=%40weekly": ["stats"],
    "text=tier%3Dg": ["backup"],
    "state=enabled": ["backup", "stats"],
    "state=paused": ["report"],
    "state=disabled": ["mail"],
    "state=discovered": ["tidy-web-1"],
    "namespace=default&state=enabled&text=backup": ["backup"],
    "page_size=2": ["backup", "report"],
    "page_size=2&page=3": ["stats"],
    "page_size=2&page=4": [],
}


def test_a_list_shows_what_was_asked_for(ada, crowd):
    assert {query: named(ada, query) for query in WANTED} == WANTED


def test_a_list_goes_on_where_it_stopped_although_jobs_come_and_go(ada, crowd):
    first = ada.get("/api/jobs?page_size=2").body
    ada.delete("/api/jobs/default/backup")
    second = ada.get(f"/api/jobs?page_size=2&next={first['next']}").body

    assert (first["count"], second["count"]) == (5, 4)
    assert [one["name"] for one in second["jobs"]] == ["tidy-web-1", "mail"]
    assert ada.get(f"/api/jobs?page_size=1&next={second['next']}").body["next"] is None


BROKEN = {
    "label=team": "label",
    "label=%3Dx": "label",
    "label=a%3D1,a%3D2": "label",
    "state=late": "state",
    "text=": "text",
    "page=0": "page",
    "page_size=1001": "page_size",
    "next=nonsense": "next",
    "next=a%40b/a.yaml&page=2": "next",
}


def test_a_query_that_breaks_a_rule_is_named(ada):
    answers = {query: ada.get(f"/api/jobs?{query}") for query in BROKEN}

    assert {answer.status for answer in answers.values()} == {422}
    assert {query: list(answer.problems) for query, answer in answers.items()} == {query: [at] for query, at in BROKEN.items()}


def test_a_thousand_jobs_cost_three_forge_calls_cold_one_warm_and_are_parsed_once(ada, forge, flaky_forge, monkeypatch):
    made = [job(id=uuid(number), name=f"job-{number}", labels={"n": str(number)}) for number in range(1000)]
    forge.push_all("ada", {f"default/{one.name}.yaml": manifest.dump(one).encode() for one in made})
    parsed = []
    monkeypatch.setattr(jobs, "read_job", lambda *file, parse=jobs.read_job: parsed.append(file) or parse(*file))
    flaky_forge.calls.clear()

    whole = ada.get("/api/jobs?page_size=1000").body
    cold = len(flaky_forge.calls)
    part = ada.get("/api/jobs?label=n%3D7").body
    warm = len(flaky_forge.calls) - cold
    ada.post("/api/jobs/default/job-7/pause")
    ada.get("/api/jobs")

    assert (len(whole["jobs"]), part["count"], cold, warm, len(parsed)) == (1000, 1, 3, 1, 1001)


def test_a_tenant_has_so_many_jobs_at_most(ada, crowd, monkeypatch):
    monkeypatch.setattr(quotas, "MAX_JOBS", 5)

    answer = ada.post("/api/jobs", {"name": "more", "schedule": "@daily", "command": "true"})

    assert (answer.status, answer.code) == (409, "limit_reached")
    assert "at most 5 jobs" in answer.body["error"]["message"]
