import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli_fakes import FakeApi, Reply, refusal, run
from tests.unit.test_cli_jobs import JOB

DONE = Reply({"job": JOB, "commit": "c0ffee00c0ffee00"})
GOOD = "apiVersion: v1\nkind: Job\nmetadata: {name: a}\nspec:\n  schedule: '@daily'\n  command: a\n"
BAD = GOOD.replace("'@daily'", "daily")


@pytest.mark.parametrize(("action", "verb"), [("pause", "Paused"), ("resume", "Resumed")])
def test_a_job_is_paused_and_resumed_without_a_body(action: str, verb: str) -> None:
    api = FakeApi(DONE)

    result = run("jobs", action, "ops/backup", api=api)

    assert api.sent == [("POST", f"/api/jobs/ops/backup/{action}")]
    assert api.requests[0].body is None
    assert result.stdout == f"{verb} job ops/backup (commit c0ffee00c0).\n"


@pytest.mark.parametrize("name", ["tidy", "discovered/tidy"])
def test_a_job_is_adopted_from_where_discovered_ones_lie(name: str) -> None:
    api = FakeApi(DONE)

    result = run("jobs", "adopt", name, "--to", "ops", api=api)

    assert api.sent == [("POST", "/api/jobs/discovered/tidy/adopt")]
    assert api.last_body == {"target_namespace": "ops"}
    assert result.stdout == "Adopted job ops/tidy (commit c0ffee00c0).\n"


def test_a_job_that_cannot_be_adopted_says_why() -> None:
    result = run("jobs", "adopt", "x", api=FakeApi(refusal(409, "conflict", "there is nothing to adopt")))

    assert (result.exit_code, "there is nothing to adopt" in result.stderr) == (5, True)


def test_a_rename_and_a_move_keep_everything_else() -> None:
    api = FakeApi(Reply({"job": JOB}, headers={"ETag": '"abc"'}), DONE)

    result = run("jobs", "update", "backup", "--rename", "dump", "--move-to", "nightly", api=api)

    assert api.sent[-1] == ("PUT", "/api/jobs/default/backup")
    assert (api.last_body["name"], api.last_body["namespace"], api.last_body["env"]) == ("dump", "nightly", JOB["env"])
    assert api.requests[-1].headers["If-Match"] == '"abc"'
    assert result.stdout == "Updated job nightly/dump (commit c0ffee00c0).\n"


def test_a_manifest_and_a_rename_are_not_guessed_at() -> None:
    result = run("jobs", "update", "-f", "-", "--rename", "dump", typed=GOOD)

    assert result.exit_code == 2
    assert "rename" in result.stderr


def test_a_history_is_a_line_for_each_commit() -> None:
    commits = [{"sha": "c0ffee00c0ffee00", "author": "ann", "at": "2026-11-20T11:00:00.000Z", "subject": "Pause job a\x1b"}]
    api = FakeApi(Reply({"commits": commits, "next": "2"}))

    result = run("jobs", "history", "backup", "--limit", "1", api=api)

    assert api.sent == [("GET", "/api/jobs/default/backup/history?limit=1")]
    assert result.stdout.splitlines()[1].split() == ["1h", "ago", "ann", "Pause", "job", "a\\x1b", "c0ffee00c0"]
    assert "more than 1" in result.stderr


def validated(tmp_path: Path, *texts: str, json_: bool = False) -> Any:
    names = []
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.yaml").write_text(text)
        names.append(str(tmp_path / f"{number}.yaml"))
    api = FakeApi()
    result = run("jobs", "validate", *names, *(["--json"] if json_ else []), api=api)
    assert api.requests == []
    return result


def test_good_manifests_end_with_0(tmp_path: Path) -> None:
    result = validated(tmp_path, GOOD, GOOD)

    assert (result.exit_code, result.stdout.splitlines()) == (0, [f"{tmp_path}/0.yaml: good", f"{tmp_path}/1.yaml: good"])


def test_a_problem_is_told_by_file_line_and_column(tmp_path: Path) -> None:
    result = validated(tmp_path, GOOD, BAD)

    assert result.exit_code == 7
    assert f"{tmp_path}/1.yaml:5:13: spec.schedule: needs 5 fields" in result.stdout
    assert "(line" not in result.stdout
    assert result.stderr == "Error: 1 of 2 manifests cannot be used\n"


def test_verdicts_as_json_name_every_file(tmp_path: Path) -> None:
    result = validated(tmp_path, GOOD, BAD, json_=True)

    files = json.loads(result.stdout)["files"]
    assert [(file["file"], file["valid"]) for file in files] == [(f"{tmp_path}/0.yaml", True), (f"{tmp_path}/1.yaml", False)]
    assert "(line 5, column 13)" in files[1]["problems"]["spec.schedule"]
    assert result.exit_code == 7


@pytest.mark.parametrize("text", [b"", b"\xff", b"[", b"a: &x 1"])
def test_what_is_no_manifest_is_judged_too(text: bytes) -> None:
    result = run("jobs", "validate", "-", typed=text)

    assert result.exit_code == 7
    assert result.stdout.startswith("stdin")


@pytest.mark.parametrize("args", [(), ("/nonexistent.yaml",)])
def test_nothing_to_judge_is_a_usage_error(args: tuple[str, ...]) -> None:
    assert run("jobs", "validate", *args).exit_code == 2
