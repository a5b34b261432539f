"""What the command line shows while it happens, and what jobs wrote."""

import json
from typing import Any

import pytest

from tests.unit.cli_fakes import FakeApi, Reply, refusal, run
from tests.unit.test_cli_runs import page, some_run

FIRST, SECOND = "019a1b2c-3d4e-7f00-8000-000000000001", "019a1b2c-3d4e-7f00-8000-000000000002"


class Patience:
    """Sleeps a few times, then presses Ctrl-C."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.waits: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) >= self.times:
            raise KeyboardInterrupt


def one(run_id: str, status: str = "success", **more: Any) -> dict[str, Any]:
    return some_run(run_id=run_id, status=status, exit_code=None if status == "running" else 0, **more)


def watched(*replies: Reply, args: tuple[str, ...] = ("-o", "json")) -> tuple[list[Any], FakeApi]:
    api = FakeApi(*replies)
    shown = run("runs", "watch", *args, api=api, sleep=Patience(len(replies))).stdout
    return [json.loads(line) for line in shown.splitlines()], api


def test_each_run_is_told_when_it_comes_and_when_it_ends() -> None:
    told, _ = watched(page(one(FIRST, "running")), page(one(SECOND), one(FIRST, "running")), page(one(SECOND), one(FIRST)))

    assert [(item["run_id"][-1], item["status"]) for item in told] == [("1", "running"), ("2", "success"), ("1", "success")]


def test_a_watch_asks_for_what_was_named_and_counts_nothing() -> None:
    _, api = watched(page(), args=("-o", "json", "--follow", "ops/backup", "--limit", "7"))

    assert api.sent == [("GET", "/api/runs?job=backup&namespace=ops&days=1&limit=7&count=false")]


def test_the_followed_job_is_one_and_no_part_of_a_name() -> None:
    told, _ = watched(page(one(SECOND, job_name="backup-db"), one(FIRST)), args=("-o", "json", "-f", "backup"))

    assert [item["run_id"] for item in told] == [FIRST]
    assert run("runs", "watch", "--follow", "a", "--job", "b").exit_code == 2


def test_a_line_on_a_pipe_is_for_people_unless_another_form_is_asked_for() -> None:
    result = run("runs", "watch", api=FakeApi(page(one(FIRST))), sleep=Patience(1))

    assert result.stdout == f"success  backup  3m ago  0ms  {FIRST}  0  ep-1\n"


def test_an_api_that_is_away_is_waited_for_and_said_once() -> None:
    patience, api = Patience(4), FakeApi(*[refusal(503, "unavailable", "it is down")] * 3, page(one(FIRST)))

    result = run("runs", "watch", "-o", "name", api=api, sleep=patience)

    assert (result.stdout, result.stderr.count("it is down")) == (f"{FIRST}\n", 1)


def test_a_limit_is_waited_out() -> None:
    patience = Patience(1)

    run("runs", "watch", api=FakeApi(refusal(429, "too_many_requests", "slow down", Retry_After="42")), sleep=patience)

    assert patience.waits == [42]


def test_a_login_that_ends_ends_the_watch() -> None:
    assert run("runs", "watch", api=FakeApi(refusal(401, "unauthenticated", "no"))).exit_code == 4


def details(run_id: str, output: str | None, **more: Any) -> Reply:
    return Reply({"run": one(run_id, output=output, output_bytes=len(output or ""), **more)})


def test_the_output_of_the_newest_runs_is_shown_oldest_first() -> None:
    api = FakeApi(page(one(SECOND), one(FIRST)), details(FIRST, "first\n"), details(SECOND, None))

    shown = run("logs", "backup", api=api).stdout

    assert shown == (
        f"==> success 3m ago, {FIRST} on ep-1 <==\nfirst\n==> success 3m ago, {SECOND} on ep-1 <==\nIt wrote no output.\n"
    )


def test_a_job_with_a_longer_name_is_another_job() -> None:
    api = FakeApi(page(one(FIRST, job_name="backup-db")))

    result = run("logs", "backup", api=api)

    assert result.stdout == ""
    assert "backup has not run in the last 7 days" in result.stderr


def test_only_as_many_runs_and_lines_as_were_asked_for() -> None:
    api = FakeApi(page(one(SECOND), one(FIRST)), details(SECOND, "1\n2\n3\n"))

    shown = run("logs", "ops/backup", "--runs", "1", "--tail", "2", api=api).stdout

    assert shown.splitlines()[1:] == ["2", "3"]
    assert "namespace=ops" in api.sent[0][1]


def test_output_cannot_command_the_terminal() -> None:
    shown = run("logs", "backup", api=FakeApi(page(one(FIRST)), details(FIRST, "\x1b]0;owned\x07"))).stdout

    assert "\\x1b]0;owned\\x07" in shown


def test_logs_in_json_are_the_runs_with_their_output() -> None:
    shown = run("logs", "backup", "--json", api=FakeApi(page(one(FIRST)), details(FIRST, "x"))).stdout

    assert [item["output"] for item in json.loads(shown)["runs"]] == ["x"]


def test_following_does_not_come_back_to_older_runs() -> None:
    pages_of_two = page(one(SECOND), one(FIRST))
    api = FakeApi(pages_of_two, details(SECOND, "newest"), pages_of_two)

    shown = run("logs", "backup", "-f", "--runs", "1", api=api, sleep=Patience(1)).stdout

    assert [line for line in shown.splitlines() if not line.startswith("==>")] == ["newest"]


def test_following_goes_on_with_each_run_that_ends() -> None:
    start = page(one(FIRST)), details(FIRST, "old")
    then = page(one(SECOND, "running"), one(FIRST)), page(one(SECOND), one(FIRST)), details(SECOND, "new")

    shown = run("logs", "backup", "-f", api=FakeApi(*start, *then), sleep=Patience(2)).stdout

    assert [line for line in shown.splitlines() if not line.startswith("==>")] == ["old", "new"]


@pytest.mark.parametrize(
    ("since", "days"), [("2h", 2), ("90s", 2), ("3d", 5), ("2026-11-20", 2), ("2026-11-20T09:00:00Z", 2), ("399d", 400)]
)
def test_since_asks_for_enough_whole_days(since: str, days: int) -> None:
    api = FakeApi(page())

    result = run("runs", "list", "--since", since, api=api)

    assert f"days={days}&" in api.sent[0][1]
    assert f"No runs since {since}." in result.stderr


def test_what_is_older_than_since_is_left_out_and_not_looked_for() -> None:
    old = one(FIRST, started_at="2026-11-20T09:59:59.000Z")
    api = FakeApi(Reply({"runs": [one(SECOND), old], "total": 99, "next": "more"}))

    result = run("runs", "list", "--since", "2h", "--limit", "2", "--json", api=api)

    body = json.loads(result.stdout)
    assert ([item["run_id"] for item in body["runs"]], body["total"], body["next"]) == ([SECOND], None, None)


@pytest.mark.parametrize("since", ["yesterday", "2", "2026-13-01", "2026-11-20T09:00:00"])
def test_a_since_that_means_nothing_says_what_would(since: str) -> None:
    result = run("runs", "list", "--since", since)

    assert result.exit_code == 2
    assert "such as 30m, 2h or 3d" in result.stderr


TALLY = {"run_count": 10, "success_count": 9, "failure_count": 1, "health": "degraded", "average_ms": 1500, "longest_ms": None}


def test_runs_are_summed_up_by_job() -> None:
    report = {**TALLY, "job_name": "backup", "namespace": "ops", "endpoint_count": 2}

    result = run("runs", "by-job", api=FakeApi(Reply({"jobs": [report], "total": 120})))

    assert "ops/backup  degraded  10    9   1       1.5s     -        2" in result.stdout
    assert "There are 120; raise --limit (now 100)." in result.stderr


def test_runs_are_summed_up_by_endpoint_also_by_one_that_is_gone() -> None:
    report = {**TALLY, "endpoint_id": "ep-1", "name": None, "job_count": 3}

    result = run("runs", "by-endpoint", api=FakeApi(Reply({"endpoints": [report], "total": 1})))

    assert "(deleted)  degraded  10    9   1       1.5s     -        3     ep-1" in result.stdout


def test_no_run_in_a_window_says_how_to_look_further() -> None:
    assert "--window all" in run("runs", "by-job", api=FakeApi(Reply({"jobs": [], "total": 0}))).stderr
