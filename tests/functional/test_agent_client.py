from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from agent.client import MAX_ANSWER_BYTES, Api
from chalicelib.domain.errors import (
    Conflict,
    CrontopusError,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    Stalled,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from tests.fixtures.fake_api import ENDPOINT_ID, ENDPOINT_TOKEN, ControlPlane, answering


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with answering() as plane:
        yield plane


def error_of(plane: ControlPlane, status: int, body: object = None, headers: dict[str, str] | None = None) -> CrontopusError:
    plane.refusals["/heartbeat"] = (status, body, headers or {})
    with pytest.raises(CrontopusError) as caught:
        Api(plane.url, ENDPOINT_TOKEN).heartbeat(ENDPOINT_ID, {})
    return caught.value


def test_an_answer_is_handed_on(plane: ControlPlane) -> None:
    assert Api(plane.url, ENDPOINT_TOKEN).heartbeat(ENDPOINT_ID, {})["endpoint"]["state"] == "active"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Malformed),
        (401, Unauthenticated),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (413, TooLarge),
        (422, Invalid),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
        (415, Stalled),
        (302, Stalled),
    ],
)
def test_each_status_is_the_error_it_means(plane: ControlPlane, status: int, kind: type[CrontopusError]) -> None:
    error = error_of(plane, status, {"error": {"code": "x", "message": "what is wrong", "problems": {"runs.0": "bad"}}})

    assert type(error) is kind


@pytest.mark.parametrize(("status", "code"), [(401, "endpoint_revoked"), (410, "endpoint_gone")])
def test_the_end_of_an_endpoint_is_told_by_its_code(plane: ControlPlane, status: int, code: str) -> None:
    error = error_of(plane, status, {"error": {"code": code, "message": "it is over", "problems": {}}})

    assert (type(error), error.code, error.message) == (Stalled, code, "it is over")


@pytest.mark.parametrize(("status", "code"), [(410, "gone"), (410, None), (200, "endpoint_gone"), (500, "endpoint_gone")])
def test_a_proxy_cannot_end_an_endpoint(plane: ControlPlane, status: int, code: str | None) -> None:
    error = error_of(plane, status, {"error": {"code": code, "message": "x"}} if status != 200 else b"endpoint_gone")

    assert error.code in ("api_refused", "api_unavailable")


def test_the_apis_words_and_problems_are_kept(plane: ControlPlane) -> None:
    error = error_of(plane, 422, {"error": {"code": "invalid", "message": "1 problem", "problems": {"runs.0": "bad"}}})

    assert (error.message, error.problems) == ("1 problem", {"runs.0": "bad"})


@pytest.mark.parametrize(("said", "wait_s"), [("7", 7), ("99999", 3600), ("soon", 5)])
def test_the_apis_wish_to_be_left_alone_is_heard(plane: ControlPlane, said: str, wait_s: int) -> None:
    error = error_of(plane, 503, {}, {"Retry-After": said})

    assert isinstance(error, Unavailable)
    assert error.retry_after_s == wait_s


@pytest.mark.parametrize("body", [b"<html>proxy</html>", b"[]", b"{" * 100, b'"' + b"x" * MAX_ANSWER_BYTES + b'"'])
def test_an_answer_that_is_no_answer_of_the_api_means_waiting(plane: ControlPlane, body: bytes) -> None:
    assert isinstance(error_of(plane, 200, body), Unavailable)


def test_an_api_that_is_down_is_unavailable() -> None:
    with pytest.raises(Unavailable) as caught:
        Api("http://127.0.0.1:9", ENDPOINT_TOKEN).heartbeat(ENDPOINT_ID, {})

    assert ENDPOINT_TOKEN not in repr(caught.value)


def test_a_redirect_is_not_followed(plane: ControlPlane) -> None:
    with answering() as elsewhere:
        error_of(plane, 307, {}, {"Location": elsewhere.url + "/heartbeat"})

    assert elsewhere.calls == []


def test_a_password_in_netrc_does_not_take_the_tokens_place(
    plane: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    Api(plane.url, ENDPOINT_TOKEN, requests.Session()).heartbeat(ENDPOINT_ID, {})

    assert plane.calls[0][2] == f"Bearer {ENDPOINT_TOKEN}"


def test_runs_are_sent_as_one_batch(plane: ControlPlane) -> None:
    results = Api(plane.url, ENDPOINT_TOKEN).check_in([{"run_id": "a"}, {"run_id": "b"}])

    assert [result["outcome"] for result in results] == ["created", "created"]
    assert len(plane.calls) == 1


def test_a_check_in_without_results_is_refused(plane: ControlPlane) -> None:
    plane.refusals["/check-in"] = (200, {"ok": True}, {})

    with pytest.raises(Stalled):
        Api(plane.url, ENDPOINT_TOKEN).check_in([])
