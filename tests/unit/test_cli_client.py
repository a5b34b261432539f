"""How answers of the API end the program, seen from outside: exit code, stderr, what was sent."""

import pytest
import requests
from click.testing import Result

from tests.unit.cli_fakes import ENVIRON, URL, FakeApi, Reply, refusal, run


def list_jobs(*replies: Reply | Exception, args: tuple[str, ...] = ()) -> tuple[FakeApi, Result]:
    api = FakeApi(*replies)
    return api, run("jobs", "list", *args, api=api)


@pytest.mark.parametrize(
    ("status", "exit_code"),
    [(400, 1), (401, 4), (403, 4), (404, 3), (409, 5), (412, 5), (413, 7), (415, 1), (422, 7), (429, 6), (500, 1), (503, 6)],
)
def test_each_refusal_has_its_exit_code(status: int, exit_code: int) -> None:
    _, result = list_jobs(refusal(status, "code", "what went wrong"))

    assert result.exit_code == exit_code
    assert "Error: what went wrong" in result.stderr
    assert "request id req-1" in result.stderr
    assert result.stdout == ""


def test_every_problem_gets_a_line() -> None:
    _, result = list_jobs(refusal(422, "invalid", "2 problems", {"spec.schedule": "needs 5 fields", "name": "too long"}))

    assert result.stderr.splitlines() == [
        "Error: 2 problems",
        "  spec.schedule: needs 5 fields",
        "  name: too long",
        "  request id req-1",
    ]


def test_a_busy_api_says_how_long_to_wait() -> None:
    _, result = list_jobs(refusal(503, "unavailable", "the forge is down", Retry_After="7"))

    assert "try again in 7 s" in result.stderr


def test_an_error_cannot_command_the_terminal() -> None:
    _, result = list_jobs(refusal(409, "conflict", "\x1b[2Jgone", {"\x1b[1m": "\x07"}))

    assert "\x1b" not in result.stderr
    assert "\x07" not in result.stderr


@pytest.mark.parametrize(
    ("reply", "exit_code", "said"),
    [
        (Reply(b"<html>hello</html>"), 1, "answered 200 with text/html"),
        (Reply(b"<html>no</html>", 404), 1, "is that the address of a Crontopus API?"),
        (Reply(b"<html>bad</html>", 502), 6, "try again later"),
        (Reply({"message": "Too Many Requests"}, 429), 6, "429: Too Many Requests"),
        (Reply({"error": "text"}, 403), 4, "403"),
        (Reply(["a list"]), 1, "not our JSON"),
        (Reply(b"[" * 100_000), 1, "not our JSON"),
        (Reply(b"", 301, {"Location": "https://new.example/"}), 1, "sends us to https://new.example/"),
        (Reply({"something": "else"}), 1, "has no `jobs`"),
    ],
)
def test_what_is_not_our_api_is_named_without_a_traceback(reply: Reply, exit_code: int, said: str) -> None:
    _, result = list_jobs(reply)

    assert result.exit_code == exit_code
    assert said in result.stderr


def test_a_read_is_tried_once_more_after_a_broken_connection() -> None:
    api, result = list_jobs(requests.ConnectionError("reset"), Reply({"jobs": []}))

    assert result.exit_code == 0
    assert len(api.requests) == 2


def test_a_read_is_not_tried_a_third_time() -> None:
    api, result = list_jobs(requests.ConnectionError("reset"), requests.ConnectionError("reset"))

    assert result.exit_code == 6
    assert len(api.requests) == 2
    assert URL in result.stderr
    assert "--api-url" in result.stderr


def test_a_write_is_never_tried_again_and_says_that_it_may_have_happened() -> None:
    api = FakeApi(requests.ReadTimeout("slow"))

    result = run("jobs", "delete", "backup", "--yes", api=api)

    assert result.exit_code == 6
    assert len(api.requests) == 1
    assert "no answer within 30 s" in result.stderr
    assert "look before you try again" in result.stderr


def test_what_is_made_new_is_tried_once_more_under_the_same_key() -> None:
    api = FakeApi(requests.ConnectionError("reset"), Reply({"commit": "c0ffee"}))

    result = run("jobs", "pause", "backup", api=api)

    keys = {request.headers["Idempotency-Key"] for request in api.requests}
    assert (result.exit_code, len(api.requests), len(keys)) == (0, 2, 1)


def test_two_commands_never_share_a_key() -> None:
    api = FakeApi(Reply({}), Reply({}))
    run("jobs", "pause", "backup", api=api)
    run("jobs", "pause", "backup", api=api)

    assert api.requests[0].headers["Idempotency-Key"] != api.requests[1].headers["Idempotency-Key"]


def test_a_write_that_never_arrived_does_not_claim_it_may_have_happened() -> None:
    refused = requests.ConnectionError("refused")
    refused.__cause__ = ConnectionRefusedError(111, "Connection refused")

    result = run("jobs", "delete", "backup", "--yes", api=FakeApi(refused))

    assert "  Connection refused" in result.stderr
    assert "look before" not in result.stderr


def test_a_bad_certificate_is_not_called_unavailable() -> None:
    _, result = list_jobs(requests.exceptions.SSLError("self-signed certificate"))

    assert result.exit_code == 1
    assert "TLS certificate" in result.stderr


def test_every_request_has_a_timeout_and_carries_the_token() -> None:
    api, _ = list_jobs(Reply({"jobs": []}))

    assert api.timeouts == [(5, 30)]
    assert api.requests[0].headers["Authorization"] == "Bearer token"


def test_without_a_login_nothing_is_sent() -> None:
    api = FakeApi()

    result = run("jobs", "list", api=api, environ={"CRONTOPUS_CONFIG_DIR": "/nonexistent"})

    assert result.exit_code == 4
    assert "crontopus auth login" in result.stderr
    assert api.requests == []


def test_a_refused_token_from_the_environment_is_blamed_by_name() -> None:
    api, result = list_jobs(refusal(401, "unauthenticated", "the token is not in force"))

    assert result.exit_code == 4
    assert "CRONTOPUS_TOKEN" in result.stderr
    assert len(api.requests) == 1


def test_debug_traces_http_without_secrets() -> None:
    environ = {**ENVIRON, "CRONTOPUS_TOKEN": "hunter2"}

    result = run("jobs", "list", "--debug", api=FakeApi(Reply({"jobs": []})), environ=environ)

    assert f"> GET {URL}/api/jobs" in result.stderr
    assert "< 200" in result.stderr
    assert "[redacted]" in result.stderr
    assert "hunter2" not in result.stderr


def test_a_password_is_never_in_the_trace() -> None:
    result = run("auth", "login", "-u", "ann", "--password-stdin", "--debug", api=FakeApi(Reply({}, 500)), typed="hunter2\n")

    assert "> POST" in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.parametrize("name", ["..", "default/..", "/x", "x/"])
def test_a_name_cannot_lead_to_another_route(name: str) -> None:
    api = FakeApi()

    result = run("jobs", "get", name, api=api)

    assert result.exit_code == 2
    assert api.requests == []


def test_a_name_is_quoted_in_the_address() -> None:
    api = FakeApi(refusal(404, "not_found", "no such job"))

    run("jobs", "get", "a b?c", api=api)

    assert api.sent == [("GET", "/api/jobs/default/a%20b%3Fc")]
