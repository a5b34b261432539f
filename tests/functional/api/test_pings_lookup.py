"""What ping URLs lead to follows the repository, and what pings end is written into it."""

import secrets
from collections.abc import Callable

import pytest

from chalicelib import config
from chalicelib.services import doors, tending
from chalicelib.services.repository import Repository
from chalicelib.services.tending import Tended
from chalicelib.store import pings as ping_store
from tests.functional.api.client import connect
from tests.functional.api.pinging import CHECK, RID, ping, runs
from tests.functional.api.test_polling import SCHEDULED


@pytest.fixture
def job(ada) -> dict:
    return dict(ada.post("/api/jobs", CHECK).body["job"])


@pytest.fixture
def url(job) -> str:
    return "/ping/" + job["ping_url"].rpartition("/ping/")[2]


@pytest.fixture
def tended() -> Callable[..., Tended]:
    """Look through a tenant's repository, as a webhook makes us."""

    def look(tenant_id: str = "ada") -> Tended:
        repository = Repository(doors.forge(), config.load().forge_organization, tenant_id)
        return tending.tend(repository, secrets.token_bytes, "r-1")

    return look


def test_a_ping_ends_a_pause_and_the_file_says_so_after_the_next_look(api, ada, url, tended):
    ada.post("/api/jobs/default/backup/pause")
    assert ping(api, url).text == "OK"
    assert ada.get("/api/jobs/default/backup").body["job"]["paused"] is True

    tended()

    assert ada.get("/api/jobs/default/backup").body["job"]["paused"] is False
    assert len(runs(ada)) == 1


def test_a_pause_that_is_meant_again_stays(api, ada, url, tended):
    ada.post("/api/jobs/default/backup/pause")
    ping(api, url)
    ada.post("/api/jobs/default/backup/pause")

    tended()

    assert ada.get("/api/jobs/default/backup").body["job"]["paused"] is True


def test_a_pause_that_only_hands_end_ignores_pings(api, ada, url):
    ada.put("/api/jobs/default/backup", CHECK | {"checkin_resume": "manual", "paused": True})

    assert ping(api, url).text == "OK"
    assert runs(ada) == []


def test_a_job_that_takes_posts_only_ignores_the_rest(api, ada, url):
    ada.put("/api/jobs/default/backup", CHECK | {"checkin_methods": "post"})

    assert [ping(api, url).text, ping(api, url, "POST").text] == ["OK", "OK"]
    assert len(runs(ada)) == 1


def test_a_pushed_job_has_its_url_after_the_next_look(api, ada, forge, tended):
    lines = ["apiVersion: v1", "kind: Job", f"metadata: {{id: {RID}, name: pushed}}", "spec: {period: 1h, checkin: {by: ping}}"]
    forge.push("ada", "default/pushed.yaml", "\n".join(lines).encode())
    before = ping(api, f"/ping/{RID}").status

    tended()

    assert (before, ping(api, f"/ping/{RID}").status) == (404, 200)


def test_a_copied_id_takes_no_pings_away_from_its_owner(api, ada, eve, job, url, forge, tended):
    stolen = (
        f"apiVersion: v1\nkind: Job\nmetadata: {{id: {job['id']}, name: mine}}\nspec: {{period: 1h, checkin: {{by: ping}}}}\n"
    )
    forge.push("eve", "default/mine.yaml", stolen.encode())

    problems = tended("eve").problems
    ping(api, url)

    assert [problem for problem in problems if "another tenant" in problem]
    assert (len(runs(ada)), len(runs(eve))) == (1, 0)


def test_the_end_of_a_pause_is_committed_although_nobody_pushes(api, ada, url, forge):
    ada.post("/api/jobs/default/backup/pause")
    connect().lambda_.invoke("tend_repositories", SCHEDULED)
    ping(api, url)

    connect().lambda_.invoke("tend_repositories", SCHEDULED)

    assert ada.get("/api/jobs/default/backup").body["job"]["paused"] is False
    assert forge.commits("ada")[0]["subject"] == "Resume default/backup: pinged again"
    assert ping_store.tenants_waiting() == []


def test_a_job_that_comes_back_finds_its_state_again(api, ada, job, url, forge, tended):
    ping(api, url)
    raw = ada.get("/api/jobs/default/backup").body["manifest"]
    ada.delete("/api/jobs/default/backup")
    gone = ping(api, url).status
    forge.push("ada", "default/backup.yaml", raw.encode())

    tended()

    found = ping_store.find(job["id"])
    assert (gone, ping(api, url).status) == (404, 200)
    assert found and found.check.state.count == 1
