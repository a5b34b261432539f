"""What the front door lets through, and in which shape."""

from pathlib import Path
from typing import Any

import pytest

from infra.local.frontdoor import is_open, rewritten
from infra.local.shelf import find


def scope(path: str, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http", "path": path, "raw_path": path.encode(), "headers": list(headers), "client": ("192.0.2.7", 5)}


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/jobs", "/ping/x", "/health", "/metrics"])
def test_the_applications_paths_are_open(path: str):
    assert is_open(path)


@pytest.mark.parametrize("path", ["", "/", "/apix", "/API", "/_ministack/reset", "/healthz", "/pingback"])
def test_every_other_path_is_closed(path: str):
    assert not is_open(path)


@pytest.mark.parametrize("path", ["/releases/stable.json", "/releases/0.1.0/SHA256SUMS.sig", "/releases/0.1.0/a-0.1.0.pyz"])
def test_a_release_is_given_out(path: str, tmp_path: Path):
    file = tmp_path / path.removeprefix("/releases/")
    file.parent.mkdir(exist_ok=True)
    file.touch()

    assert find(tmp_path, path) == file


@pytest.mark.parametrize("path", ["/releases/", "/releases/../secret", "/releases/0.1.0", "/releases/.hidden", "/releases//x"])
def test_what_is_no_release_is_not(path: str, tmp_path: Path):
    (tmp_path / "shelf" / "0.1.0").mkdir(parents=True)
    (tmp_path / "secret").touch()
    (tmp_path / "shelf" / ".hidden").touch()

    assert find(tmp_path / "shelf", path) is None


def test_the_path_names_the_api_and_its_stage():
    changed = rewritten(scope("/api/jobs"), "abc", "v1")

    assert changed["path"] == "/_aws/execute-api/abc/v1/api/jobs"
    assert changed["raw_path"] == b"/_aws/execute-api/abc/v1/api/jobs"


def test_claims_about_the_caller_are_replaced_by_the_connection():
    changed = rewritten(scope("/api", (b"X-Forwarded-For", b"203.0.113.1"), (b"x-forwarded-host", b"evil")), "abc", "v1")

    forwarded = {name.lower(): value for name, value in changed["headers"] if name.lower().startswith(b"x-forwarded")}
    assert forwarded == {b"x-forwarded-for": b"192.0.2.7", b"x-forwarded-proto": b"http"}


def test_other_headers_stay_in_their_order():
    headers = [(b"authorization", b"Bearer x"), (b"accept", b"a"), (b"accept", b"b")]

    assert rewritten(scope("/api", *headers), "abc", "v1")["headers"][:3] == headers
