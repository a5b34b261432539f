"""Every way a forge can fail becomes one of our own errors, and no secret leaves with it."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from chalicelib.domain.errors import Conflict, CrontopusError, Invalid, NotFound, TooLarge, Unavailable
from chalicelib.forgejo import transport
from chalicelib.forgejo.client import Forgejo
from chalicelib.forgejo.transport import api_path

SECRET = "5ecre7" * 6
HEAD = [{"sha": "a" * 40}]


class Answered:
    """The part of requests.Response that is read."""

    def __init__(self, status: int, body: object = None, chunks: int = 1) -> None:
        self.status_code = status
        self._body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._chunks = chunks

    def __enter__(self) -> "Answered":
        return self

    def __exit__(self, *_: object) -> None: ...

    def iter_content(self, size: int) -> Iterator[bytes]:
        for _ in range(self._chunks):
            yield self._body


class FakeSession(requests.Session):
    """Gives prepared answers, the last one for ever, and keeps what was asked."""

    def __init__(self, *answers: Answered | Exception) -> None:
        super().__init__()
        self._answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def request(self, method: str, url: str, **options: Any) -> Any:  # type: ignore[override]
        self.asked.append({"method": method, "url": url, **options})
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Naps:
    """Sleeps nowhere and remembers how long."""

    def __init__(self) -> None:
        self.lengths_s: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.lengths_s.append(seconds)


def client(session: FakeSession, naps: Naps | None = None, jitter: float = 1.0) -> Forgejo:
    return Forgejo("http://forge/", SECRET, session, naps or Naps(), ("admin", SECRET), lambda: jitter)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, Unavailable),
        (302, Unavailable),
        (400, Unavailable),
        (401, Unavailable),
        (403, Unavailable),
        (404, NotFound),
        (413, TooLarge),
        (422, Invalid),
        (423, Conflict),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_each_code_has_its_error(status: int, error: type[CrontopusError]) -> None:
    with pytest.raises(error):
        client(FakeSession(Answered(status, {"message": "x"}))).head("o", "r")


@pytest.mark.parametrize(
    "failure",
    [
        requests.ConnectionError(),
        requests.ReadTimeout(),
        requests.exceptions.ChunkedEncodingError(),
        requests.exceptions.InvalidURL(),
    ],
)
def test_a_forge_that_is_out_of_reach_is_git_unavailable(failure: Exception) -> None:
    with pytest.raises(Unavailable) as caught:
        client(FakeSession(failure)).head("o", "r")

    assert caught.value.code == "git_unavailable"


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b"{}", b'[{"sha": 7}]', b"[[]]"])
def test_an_answer_of_another_shape_is_unavailable(body: bytes) -> None:
    with pytest.raises(Unavailable):
        client(FakeSession(Answered(200, body))).head("o", "r")


def test_a_failure_that_passes_is_not_noticed() -> None:
    session = FakeSession(Answered(502), requests.ConnectionError(), Answered(200, HEAD))

    assert client(session).head("o", "r") == "a" * 40


def test_a_lasting_failure_is_asked_three_times() -> None:
    session = FakeSession(Answered(500))

    with pytest.raises(Unavailable):
        client(session).head("o", "r")

    assert len(session.asked) == 3


def test_a_refusal_is_asked_once() -> None:
    session = FakeSession(Answered(403))

    with pytest.raises(Unavailable):
        client(session).head("o", "r")

    assert len(session.asked) == 1


@pytest.mark.parametrize(("jitter", "lengths_s"), [(0.0, [0.1, 0.1]), (1.0, [0.2, 0.4])])
def test_pauses_grow_and_differ(jitter: float, lengths_s: list[float]) -> None:
    naps = Naps()

    with pytest.raises(Unavailable):
        client(FakeSession(Answered(500)), naps, jitter).head("o", "r")

    assert naps.lengths_s == pytest.approx(lengths_s)


def test_every_call_has_timeouts_and_follows_no_redirect() -> None:
    session = FakeSession(Answered(200, HEAD))

    client(session).head("o", "r")

    assert (session.asked[0]["timeout"], session.asked[0]["allow_redirects"]) == ((3, 10), False)


def test_an_answer_without_end_is_cut_off() -> None:
    endless = Answered(200, b"x" * 1024 * 1024, chunks=transport.MAX_ANSWER_BYTES // (1024 * 1024) + 1)

    with pytest.raises(TooLarge):
        client(FakeSession(endless)).head("o", "r")


def test_no_secret_is_logged_or_raised(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    words = {"message": f"access token does not exist [sha: {SECRET}]"}
    answers: list[Answered | Exception] = [Answered(status, words) for status in (401, 403, 404, 422, 500)]
    told = []
    for answer in [*answers, requests.ConnectionError(SECRET)]:
        with pytest.raises(CrontopusError) as caught:
            client(FakeSession(answer)).head("o", "r")
        told.append(f"{caught.value} {caught.value.problems}")

    assert SECRET not in " ".join(told) + "".join(str(record.__dict__) for record in caplog.records)


def test_provisioning_without_a_site_admin_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        Forgejo("http://forge", SECRET, FakeSession(Answered(201))).ensure_organization("crontopus")


def test_the_bot_reads_with_its_token_and_the_admin_provisions_with_a_password() -> None:
    session = FakeSession(Answered(200, HEAD), Answered(201, {}))
    forge = client(session)

    forge.head("o", "r")
    forge.ensure_organization("crontopus")

    sent = [
        asked["auth"](requests.Request("GET", "http://forge").prepare()).headers["Authorization"] for asked in session.asked
    ]
    assert sent[0] == f"token {SECRET}"
    assert sent[1].startswith("Basic ")


def test_each_part_of_a_path_is_encoded() -> None:
    assert api_path("repos", "o", "a b/ü?#%") == "repos/o/a%20b%2F%C3%BC%3F%23%25"


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_a_part_that_climbs_is_refused(part: str) -> None:
    with pytest.raises(Invalid):
        api_path("repos", part)


def test_addresses_for_git_and_for_people_hold_no_credential() -> None:
    forge = client(FakeSession(Answered(200)))

    assert forge.clone_url("crontopus", "job-manifests-t") == "http://forge/crontopus/job-manifests-t.git"
    assert forge.edit_url("crontopus", "r", "default/a.yaml") == "http://forge/crontopus/r/_edit/main/default/a.yaml"
