"""Installer scripts: who gets one, and that it holds no secret."""

import pytest

from chalicelib import config
from tests.functional.api.client import connect

KEY = "A" * 43 + "="
PLACE = "/api/endpoints/install/script/{}"


@pytest.fixture
def package(monkeypatch):
    monkeypatch.setenv("AGENT_RELEASE_URL", "https://downloads.example.org/agent/")
    monkeypatch.setenv("AGENT_RELEASE_VERSION", "1.2.3")
    monkeypatch.setenv("AGENT_RELEASE_SHA256", "b" * 64)
    monkeypatch.setenv("AGENT_RELEASE_KEYS", f"{KEY} {KEY}")


def fetch(token, platform):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return connect().http.get(PLACE.format(platform), headers=headers)


@pytest.fixture
def enrollment(ada):
    return ada.post("/api/enrollment-tokens", {"name": "web"}).body["token"]


@pytest.mark.parametrize(
    ("platform", "filename"),
    [
        ("linux", "install-crontopus-linux.sh"),
        ("macos", "install-crontopus-macos.sh"),
        ("windows", "install-crontopus-windows.ps1"),
    ],
)
def test_an_installer_is_a_file_to_download_that_names_this_deployment(ada, enrollment, package, platform, filename):
    answer = fetch(enrollment, platform)

    script = answer.body.decode()
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{filename}"'
    assert answer.headers["Cache-Control"] == "no-store"
    values = (config.load().public_url, "b" * 64, "https://downloads.example.org/agent/1.2.3")
    assert all(value in script for value in values)
    assert enrollment not in script and ada.token not in script and "cet_" not in script


def test_a_download_does_not_use_the_token_up(api, ada, enrollment, package):
    fetch(enrollment, "linux")
    fetch(enrollment, "linux")

    assert ada.get("/api/enrollment-tokens").body["enrollment_tokens"][0]["used_count"] == 0


def test_a_person_may_download_one_too(ada, package):
    assert fetch(ada.token, "linux").status_code == 200


def test_a_deployment_without_an_agent_says_so(api, ada):
    answer = ada.get(PLACE.format("linux"))

    assert (answer.status, answer.code) == (404, "no_agent_release")
    assert "AgentReleaseUrl" in answer.body["error"]["message"]


def test_a_platform_that_is_none_is_answered_with_those_there_are(ada, package):
    answer = ada.get(PLACE.format("amiga"))

    assert answer.status == 404
    assert "linux, macos, windows" in answer.body["error"]["message"]


@pytest.mark.parametrize("token", [None, "cet_" + "0" * 49])
def test_nobody_gets_one_without_a_credential(api, package, token):
    assert fetch(token, "linux").status_code == 401
