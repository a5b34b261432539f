"""Where agents learn of releases, and that they are too old."""

import pytest

from tests.functional.api.conftest import FACTS, beat

KEY = "A" * 43 + "="


@pytest.fixture
def offered(monkeypatch):
    monkeypatch.setenv("AGENT_RELEASE_URL", "https://downloads.example.org/agent/")
    monkeypatch.setenv("AGENT_RELEASE_VERSION", "1.2.3")
    monkeypatch.setenv("AGENT_RELEASE_SHA256", "b" * 64)
    monkeypatch.setenv("AGENT_RELEASE_KEYS", KEY)


@pytest.fixture
def minimum(monkeypatch):
    monkeypatch.setenv("AGENT_MINIMUM_VERSION", "0.2.0")


def test_an_agent_is_told_where_releases_lie(api, agent, offered, minimum):
    answer = api.as_(agent["token"]).get("/api/agent/release")

    assert answer.status == 200
    assert answer.body == {"url": "https://downloads.example.org/agent", "version": "1.2.3", "minimum_version": "0.2.0"}


def test_a_deployment_that_offers_none_says_so(api, agent):
    answer = api.as_(agent["token"]).get("/api/agent/release")

    assert (answer.status, answer.code) == (404, "no_agent_release")


def test_an_agent_that_is_too_old_is_not_let_in_and_its_token_not_used_up(api, ada, minimum):
    token = ada.post("/api/enrollment-tokens", {"name": "web"}).body["token"]

    refused = api.as_(token).post("/api/endpoints/enroll", FACTS)
    taken = api.as_(token).post("/api/endpoints/enroll", FACTS | {"version": "0.2.0+g1234567"})

    assert (refused.status, refused.code, taken.status) == (409, "agent_outdated", 201)
    assert "0.1.0 is older than 0.2.0" in refused.body["error"]["message"]


def test_one_that_is_in_already_goes_on_and_is_marked(api, ada, agent, monkeypatch):
    assert beat(api, agent).body["minimum_version"] is None
    monkeypatch.setenv("AGENT_MINIMUM_VERSION", "0.2.0")

    answer = beat(api, agent)

    assert (answer.status, answer.body["minimum_version"]) == (200, "0.2.0")
    assert ada.get("/api/endpoints").body["endpoints"][0]["problems"] == [
        "agent_outdated: version 0.1.0 is older than 0.2.0, the oldest that may enrol here"
    ]
