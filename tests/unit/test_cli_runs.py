import json
from typing import Any

import pytest

from chalicelib.domain.runs import STATUSES
from tests.unit.cli_fakes import FakeApi, Reply, refusal, run

AT = "2026-11-20T11:57:00.000Z"
RUN = {
    "run_id": "019a1b2c-3d4e-7f00-8000-000000000000",
    "job_name": "backup",
    "namespace": "default",
    "endpoint_id": "ep-1",
    "status": "failure",
    "started_at": AT,
    "finished_at": AT,
    "duration_ms": 0,
    "exit_code": 1,
    "signal": None,
    "output_bytes": 4,
    "output_truncated": False,
    "commit": None,
    "skew_ms": 20,
}
ENDPOINT = {"id": "ep-1", "name": "web", "hostname": "web.lan", "state": "active", "last_heartbeat_at": None}


def some_run(**changes: Any) -> dict[str, Any]:
    return {**RUN, **changes}


def page(*runs: dict[str, Any], following: str | None = None) -> Reply:
    return Reply({"runs": list(runs), "total": 9, "next": following})


def test_an_empty_list_of_runs_says_what_to_type_next() -> None:
    result = run("runs", "list", api=FakeApi(page()))

    assert result.stdout == ""
    assert "No runs in the last 7 days." in result.stderr
    assert "crontopus jobs list" in result.stderr


def test_an_empty_list_that_was_filtered_does_not_claim_that_nothing_ran() -> None:
    result = run("runs", "list", "--status", "failure", "--days", "1", api=FakeApi(page()))

    assert "No such runs in the last day." in result.stderr


def test_an_empty_list_in_json_is_json() -> None:
    result = run("runs", "list", "--json", api=FakeApi(page()))

    assert json.loads(result.stdout) == {"runs": [], "total": 9, "next": None}
    assert result.stderr == ""


def test_a_table_tells_times_and_durations_for_people() -> None:
    result = run("runs", "list", api=FakeApi(page(some_run())))

    assert result.stdout.splitlines() == [
        "STATUS   JOB     STARTED  TOOK  RUN                                   EXIT  ENDPOINT",
        "failure  backup  3m ago   0ms   019a1b2c-3d4e-7f00-8000-000000000000  1     ep-1",
    ]


def test_json_is_what_the_api_said() -> None:
    result = run("-o", "json", "runs", "list", api=FakeApi(page(some_run())))

    assert json.loads(result.stdout)["runs"] == [some_run()]


def test_filters_go_to_the_api_as_they_are() -> None:
    api = FakeApi(page())

    run("runs", "list", "--job", "billing/invoices", "--status", "timeout", "--days", "3", "--limit", "5", api=api)

    assert api.sent == [("GET", "/api/runs?job=invoices&namespace=billing&status=timeout&days=3&limit=5")]


def test_pages_are_joined_up_to_the_limit_and_an_empty_page_is_not_the_end() -> None:
    api = FakeApi(page(some_run(), following="a"), page(following="b"), page(some_run(), some_run(), following="c"))

    result = run("runs", "list", "--limit", "3", "-o", "json", api=api)

    assert len(json.loads(result.stdout)["runs"]) == 3
    assert [path.partition("limit=")[2] for _, path in api.sent] == ["3", "2&next=a", "2&next=b"]


def test_a_page_that_leads_to_itself_ends_the_list() -> None:
    api = FakeApi(page(some_run(), following="a"), page(following="a"))

    assert run("runs", "list", api=api).exit_code == 0


def test_a_list_that_was_cut_says_so() -> None:
    result = run("runs", "list", "--limit", "1", api=FakeApi(page(some_run(), following="a")))

    assert "raise --limit (now 1)" in result.stderr


def test_an_endpoint_may_be_named_instead_of_its_id() -> None:
    api = FakeApi(Reply({"endpoints": [ENDPOINT]}), page())

    run("runs", "list", "--endpoint", "web", api=api)

    assert "endpoint_id=ep-1" in api.sent[-1][1]


def test_an_unknown_endpoint_is_not_found() -> None:
    result = run("runs", "list", "--endpoint", "nope", api=FakeApi(Reply({"endpoints": [ENDPOINT]})))

    assert result.exit_code == 3
    assert "crontopus endpoints list" in result.stderr


def test_a_name_of_two_endpoints_is_not_guessed() -> None:
    api = FakeApi(Reply({"endpoints": [ENDPOINT, {**ENDPOINT, "id": "ep-2"}]}))

    result = run("runs", "list", "--endpoint", "web", api=api)

    assert result.exit_code == 2
    assert "ep-1, ep-2" in result.stderr


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_of_a_run_can_be_asked_for(status: str) -> None:
    assert run("runs", "list", "--status", status, api=FakeApi(page())).exit_code == 0


def test_a_run_is_shown_with_its_output_made_safe() -> None:
    output = "\x1b[31mred\x1b[0m\n\x1b]0;owned\x07\tend\n"

    result = run("runs", "show", "x", api=FakeApi(Reply({"run": some_run(output=output, signal=15, exit_code=143)})))

    assert "Started    2026-11-20 11:57:00+00:00 (3m ago)" in result.stdout
    assert "Exit code  143 (signal 15)" in result.stdout
    assert result.stdout.endswith("\nOutput:\nred\n\\x1b]0;owned\\x07\tend\n")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"output": None, "output_bytes": 0}, "It wrote no output."),
        ({"output": "", "output_bytes": 9}, "Output: 9 bytes, not kept."),
        ({"output": "tail", "output_bytes": 99, "output_truncated": True}, "Output, the end of 99 bytes:"),
        ({"skew_ms": -42_000}, "the endpoint's clock is 42.0s ahead"),
        ({"status": "running", "duration_ms": None, "finished_at": None, "exit_code": None}, "Status    running"),
    ],
)
def test_a_run_says_what_is_special_about_it(changes: dict[str, Any], said: str) -> None:
    assert said in run("runs", "show", "x", api=FakeApi(Reply({"run": some_run(**changes)}))).stdout


def test_a_small_clock_difference_is_not_mentioned() -> None:
    assert "Clock" not in run("runs", "show", "x", api=FakeApi(Reply({"run": some_run(skew_ms=4_999)}))).stdout


def test_a_hidden_name_of_a_command_works_and_is_not_listed() -> None:
    assert run("runs", "get", "x", api=FakeApi(Reply({"run": some_run()}))).exit_code == 0
    assert "  get " not in run("runs", "--help").stdout


def test_no_escape_codes_on_a_pipe() -> None:
    assert "\x1b" not in run("runs", "list", api=FakeApi(page(some_run()))).stdout


def test_a_table_calls_endpoints_by_their_names_and_json_by_their_ids() -> None:
    named = run("runs", "list", api=FakeApi(page(some_run()), Reply({"endpoints": [ENDPOINT]})))
    raw = FakeApi(page(some_run()))

    assert named.stdout.splitlines()[1].endswith("  1     web")
    assert "ep-1" in run("runs", "list", "-o", "csv", api=raw).stdout
    assert len(raw.requests) == 1


def test_a_token_that_may_not_read_endpoints_sees_their_ids() -> None:
    api = FakeApi(page(some_run()), refusal(403, "forbidden", "needs read:endpoints"))

    assert run("runs", "list", api=api).stdout.splitlines()[1].endswith("  ep-1")
