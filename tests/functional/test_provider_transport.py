"""HTTP to providers is bounded: in time, in size, and in where it goes."""

from pathlib import Path

import pytest
import requests
import responses

from chalicelib.domain.errors import Unavailable
from chalicelib.providers.transport import MAX_ANSWER_BYTES, TIMEOUT_S, Transport

URL = "https://id.example.org/token"


@pytest.fixture
def internet():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def test_an_answer_is_handed_on_whatever_its_status(internet):
    internet.post(URL, json={"error": "invalid_grant"}, status=400)

    reply = Transport().post(URL, {"code": "x"})

    assert (reply.status, reply.body) == (400, {"error": "invalid_grant"})


def test_what_is_no_json_is_none(internet):
    internet.get(URL, body="<html>")

    assert Transport().get(URL).body is None


def test_deeply_nested_json_is_none(internet):
    internet.get(URL, body="[" * 200_000)

    assert Transport().get(URL).body is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(internet, status: int):
    internet.post(URL, status=status, headers={"Location": "https://evil.example.org/"})
    evil = internet.post("https://evil.example.org/", json={})

    with pytest.raises(Unavailable, match=f"HTTP {status}"):
        Transport().post(URL, {"code": "x"})
    assert evil.call_count == 0


def test_an_answer_without_end_is_cut_off(internet):
    internet.get(URL, body=b"x" * (MAX_ANSWER_BYTES + 1))

    with pytest.raises(Unavailable, match="more than"):
        Transport().get(URL)


@pytest.mark.parametrize("failure", [requests.ConnectionError("refused"), requests.Timeout("slow"), OSError("broken")])
def test_a_provider_that_is_away_is_told_without_its_address(internet, failure: Exception):
    internet.get(URL, body=failure)

    with pytest.raises(Unavailable, match=r"id\.example\.org cannot be reached") as told:
        Transport().get(URL)
    assert told.value.code == "sso_unavailable"


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_provider_that_fails_is_unavailable(internet, status: int):
    internet.get(URL, status=status)

    with pytest.raises(Unavailable):
        Transport().get(URL)


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example.org/token",
        "http://169.254.169.254/latest/meta-data",
        "ftp://id.example.org/token",
        "file:///etc/passwd",
        "https://user:secret@id.example.org/token",
        "https://",
        "//id.example.org",
        "https://[::1",
    ],
)
def test_addresses_that_are_not_https_are_never_asked(internet, url: str):
    internet.get(url, json={}) if url.startswith("http") and "[" not in url and len(url) > 8 else None

    with pytest.raises(Unavailable, match="no address that is asked"):
        Transport().get(url)
    assert len(internet.calls) == 0


def test_every_call_has_both_timeouts(monkeypatch):
    seen = {}

    class Session(requests.Session):
        def request(self, *arguments, **more):  # type: ignore[no-untyped-def]
            seen.update(more)
            raise requests.ConnectionError

    with pytest.raises(Unavailable):
        Transport(Session()).get(URL)
    assert (seen["timeout"], seen["allow_redirects"], TIMEOUT_S) == ((3, 10), False, (3, 10))


def test_no_password_is_taken_from_a_netrc(internet, tmp_path: Path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine id.example.org login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    internet.get(URL, json={})

    Transport().get(URL, "Bearer mine")
    Transport().get(URL)

    assert [call.request.headers.get("Authorization") for call in internet.calls] == ["Bearer mine", None]
