"""Ping URLs that name a job by its name: the key before it, and jobs that are made by their first ping."""

import pytest

from tests.functional.api.pinging import CHECK, ping, runs


@pytest.fixture
def job(ada) -> dict:
    return dict(ada.post("/api/jobs", CHECK).body["job"])


@pytest.fixture
def key(ada) -> str:
    return str(ada.post("/api/ping-keys", {"name": "cron"}).body["plain_text"])


def test_an_api_token_is_no_ping_key(api, ada, job):
    token = ada.post("/api/tokens", {"name": "ci", "scopes": ["admin:*"]}).body["plain_text"]

    assert ping(api, f"/ping/{token}/backup").status == 404


def test_a_key_and_a_name_ping_too(api, ada, job, key):
    answers = [ping(api, f"/ping/{key}/backup{ending}").text for ending in ("/start", "", "/log", "/7", "/fail")]

    assert answers == ["OK"] * 5
    assert sorted(run["status"] for run in runs(ada)) == ["failure", "failure", "success"]


def test_a_ping_key_is_22_characters_that_a_url_may_hold(key):
    assert len(key) == 22
    assert key.replace("-", "a").replace("_", "a").isalnum()


def test_a_revoked_key_is_dead_at_once(api, ada, job, key):
    (listed,) = ada.get("/api/ping-keys").body["ping_keys"]
    ada.delete(f"/api/ping-keys/{listed['id']}")

    assert (listed["name"], listed["last4"]) == ("cron", key[-4:])
    assert ping(api, f"/ping/{key}/backup").status == 404
    assert ada.get("/api/ping-keys").body["ping_keys"] == []


def test_a_key_opens_nothing_of_another_tenant(api, ada, eve, job):
    eves = eve.post("/api/ping-keys", {"name": "x"}).body["plain_text"]

    assert ping(api, f"/ping/{eves}/backup").status == 404
    assert runs(ada) == []


def test_a_name_in_two_namespaces_is_ambiguous_unless_it_says_which(api, ada, job, key):
    ada.post("/api/namespaces", {"name": "web"})
    ada.post("/api/jobs", CHECK | {"namespace": "web"})

    plain, full = ping(api, f"/ping/{key}/backup"), ping(api, f"/ping/{key}/web.backup")

    assert (plain.status, plain.text, full.text) == (409, "ambiguous slug", "OK")
    assert [run["namespace"] for run in runs(ada)] == ["web"]


def test_an_unknown_name_is_not_found_unless_it_is_to_be_made(api, ada, key, forge):
    missing = ping(api, f"/ping/{key}/new-job")
    made, again = ping(api, f"/ping/{key}/new-job?create=1"), ping(api, f"/ping/{key}/new-job?create=1")

    assert [(a.status, a.text) for a in (missing, made, again)] == [(404, "not found"), (201, "Created"), (200, "OK")]
    job = ada.get("/api/jobs/default/new-job").body["job"]
    assert (job["checkin_by"], job["period"], job["grace"]) == ("ping", "1d", "1h")
    assert forge.commits("ada")[0]["subject"] == "Create job default/new-job"
    assert len(runs(ada)) == 2


def test_a_name_that_no_job_may_have_is_kept_beside_one_that_it_may(api, ada, key):
    answers = [ping(api, f"/ping/{key}/my_job?create=1").status, ping(api, f"/ping/{key}/my_job").status]

    assert answers == [201, 200]
    assert ada.get("/api/jobs/default/my-job").body["job"]["annotations"] == {"ping/slug": "my_job"}


@pytest.mark.parametrize("slug", ["Upper", "%C3%A9", "a%20b", "x" * 64])
def test_nothing_is_made_of_what_is_no_slug(api, ada, key, slug):
    assert ping(api, f"/ping/{key}/{slug}?create=1").status == 400
