import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli_fakes import FakeApi, Reply, refusal, run

JOB = {
    "id": "5f0c7e9a-6a57-4a0e-9a39-0d4c1f3a9b11",
    "name": "backup",
    "namespace": "default",
    "schedule": "30 2 * * *",
    "command": "/opt/backup.sh",
    "args": ["a b"],
    "working_dir": None,
    "env": {"A": "1"},
    "shell": "/bin/sh",
    "timeout": "30m",
    "output": "tail",
    "max_output_bytes": 10240,
    "labels": {},
    "annotations": {},
    "enabled": True,
    "paused": False,
    "path": "default/backup.yaml",
    "sha": "abc",
    "url": "http://forge/edit",
}
DONE = Reply({"job": JOB, "commit": "c0ffee00c0ffee00"}, 201)
MANIFEST = """\
apiVersion: v1
kind: Job
metadata: {name: backup, namespace: billing, labels: {team: a}}
spec:
  schedule: "30 2 * * *"
  command: /opt/backup.sh
  timeout: 120s
  checkin: {output: none}
"""


def some_job(**changes: Any) -> dict[str, Any]:
    return {**JOB, **changes}


def created(*args: str, typed: str | None = None) -> Any:
    """Return the body that this command line posts."""
    api = FakeApi(DONE)
    result = run("jobs", "create", *args, api=api, typed=typed)
    assert result.exit_code == 0, result.output
    return api.last_body


def test_a_job_is_created_from_what_was_said_and_nothing_else() -> None:
    assert created("backup", "--schedule", "@daily", "--command", "x") == {
        "name": "backup",
        "namespace": "default",
        "schedule": "@daily",
        "command": "x",
    }


def test_every_option_reaches_the_api() -> None:
    more = "--arg a --arg -b --env A=1 --env B=x=y --env C= --label t=u --annotation k=v"
    more += " --working-dir /srv --timeout 2h --shell /bin/bash"

    body = created("billing/x", "--schedule", "@daily", "--command", "x", *more.split(), "--paused", "--disabled")

    assert body == {
        "name": "x",
        "namespace": "billing",
        "schedule": "@daily",
        "command": "x",
        "args": ["a", "-b"],
        "env": {"A": "1", "B": "x=y", "C": ""},
        "labels": {"t": "u"},
        "annotations": {"k": "v"},
        "working_dir": "/srv",
        "timeout": "2h",
        "shell": "/bin/bash",
        "paused": True,
        "enabled": False,
    }


def test_the_answer_names_the_job_and_the_commit() -> None:
    result = run("jobs", "create", "backup", "--schedule", "@daily", "--command", "x", api=FakeApi(DONE))

    assert result.stdout == "Created job backup (commit c0ffee00c0).\n"


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("backup",),
        ("backup", "--schedule", "@daily"),
        ("--schedule", "@daily", "--command", "x"),
        ("backup", "--schedule", "@daily", "--command", "x", "--env", "A"),
        ("backup", "--schedule", "@daily", "--command", "x", "--env", "=1"),
        ("billing/x", "--namespace", "other", "--schedule", "@daily", "--command", "x"),
        ("backup", "-f", "-"),
        ("-f", "-", "--schedule", "@daily"),
        ("-f", "/nonexistent/job.yaml"),
    ],
)
def test_a_command_line_that_makes_no_job_sends_nothing(args: tuple[str, ...]) -> None:
    api = FakeApi()

    assert run("jobs", "create", *args, api=api, typed=MANIFEST).exit_code == 2
    assert api.requests == []


def test_a_manifest_says_the_same_as_options(tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(MANIFEST)

    body = created("-f", str(tmp_path / "job.yaml"))

    said = {
        "name": "backup",
        "namespace": "billing",
        "schedule": "30 2 * * *",
        "command": "/opt/backup.sh",
        "args": [],
        "env": {},
        "shell": "/bin/sh",
        "timeout": "2m",
        "output": "none",
        "max_output_bytes": 10240,
        "labels": {"team": "a"},
        "annotations": {},
        "enabled": True,
        "paused": False,
    }
    assert {key: body[key] for key in said} == said


def test_a_manifest_without_a_namespace_goes_where_the_option_says() -> None:
    text = MANIFEST.replace(", namespace: billing", "")

    assert created("-f", "-", typed=text)["namespace"] == "default"
    assert created("-f", "-", "--namespace", "ops", typed=text)["namespace"] == "ops"


def test_a_manifest_and_an_option_that_disagree_are_not_guessed_at() -> None:
    result = run("jobs", "create", "-f", "-", "--namespace", "ops", typed=MANIFEST)

    assert result.exit_code == 2
    assert "'billing'" in result.stderr


def test_a_bad_manifest_is_refused_by_line_and_column_before_anything_is_sent() -> None:
    api = FakeApi()

    result = run(
        "jobs", "create", "-f", "-", api=api, typed=MANIFEST.replace("30 2 * * *", "30 2").replace("timeout", "timeot")
    )

    assert result.exit_code == 7
    assert "  spec.schedule: needs 5 fields" in result.stderr
    assert "did you mean timeout?" in result.stderr
    assert "(line 5, column 13)" in result.stderr
    assert api.requests == []


@pytest.mark.parametrize(
    "text", ["", "\x00", "a: [", "- a list", "metadata: text", "metadata: {namespace: 5}", "a: &x 1\nb: *x"]
)
def test_what_is_no_manifest_is_refused_in_words(text: str) -> None:
    result = run("jobs", "create", "-f", "-", typed=text)

    assert result.exit_code == 7
    assert "Error: the manifest has" in result.stderr


def test_an_update_changes_what_was_said_and_keeps_the_rest() -> None:
    api = FakeApi(Reply({"job": some_job(from_the_future=1)}, headers={"ETag": '"abc"'}), DONE)

    run("jobs", "update", "backup", "--schedule", "@daily", "--env", "B=2", "--arg", "c", "--not-paused", "--disabled", api=api)

    kept = {key: value for key, value in JOB.items() if key not in ("id", "path", "sha", "url", "working_dir")}
    changes = {"schedule": "@daily", "env": {"A": "1", "B": "2"}, "args": ["c"], "enabled": False, "from_the_future": 1}
    assert api.last_body == {**kept, **changes}
    assert api.requests[-1].headers["If-Match"] == '"abc"'


def test_an_update_that_someone_else_overtook_is_a_conflict() -> None:
    api = FakeApi(Reply({"job": JOB}, headers={"ETag": '"abc"'}), refusal(409, "conflict", "changed since it was read"))

    assert run("jobs", "update", "backup", "--paused", api=api).exit_code == 5


def test_an_update_from_a_manifest_replaces_the_whole_job() -> None:
    api = FakeApi(DONE)

    run("jobs", "update", "-f", "-", api=api, typed=MANIFEST)

    assert api.sent == [("PUT", "/api/jobs/billing/backup")]
    assert "If-Match" not in api.requests[0].headers


@pytest.mark.parametrize("args", [(), ("backup",), ("--paused",)])
def test_an_update_of_nothing_is_a_usage_error(args: tuple[str, ...]) -> None:
    assert run("jobs", "update", *args).exit_code == 2


def test_jobs_are_listed_by_the_name_one_types() -> None:
    jobs = [some_job(), some_job(namespace="billing", paused=True, args=[]), some_job(name="z", enabled=False, paused=True)]

    result = run("jobs", "list", api=FakeApi(Reply({"jobs": jobs, "problems": []})))

    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["JOB", "STATE"],
        ["billing/backup", "paused"],
        ["backup", "scheduled"],
        ["z", "disabled"],
    ]
    assert "/opt/backup.sh 'a b'" in result.stdout


def test_broken_manifests_are_named_on_stderr_also_beside_json() -> None:
    body = {"jobs": [], "problems": [{"path": "default/x.yaml", "problems": {"spec.schedule": "needs 5 fields"}}]}

    result = run("jobs", "list", "--json", api=FakeApi(Reply(body)))

    assert json.loads(result.stdout) == body
    assert result.stderr == "warning: default/x.yaml is not used:\n  spec.schedule: needs 5 fields\n"


def test_no_jobs_says_how_to_create_one() -> None:
    result = run("jobs", "list", api=FakeApi(Reply({"jobs": []})))

    assert (result.exit_code, result.stdout) == (0, "")
    assert "crontopus jobs create hello" in result.stderr


@pytest.mark.parametrize(
    "args", [("billing/backup",), ("backup", "--namespace", "billing"), ("billing/backup", "-n", "billing")]
)
def test_a_job_can_be_named_in_two_ways(args: tuple[str, ...]) -> None:
    api = FakeApi(Reply({"job": JOB, "manifest": ""}))

    run("jobs", "get", *args, api=api)

    assert api.sent == [("GET", "/api/jobs/billing/backup")]


def test_a_job_is_shown_without_what_it_does_not_have() -> None:
    stdout = run("jobs", "get", "backup", api=FakeApi(Reply({"job": JOB, "manifest": ""}))).stdout

    assert "Environment  A=1" in stdout
    assert "Output kept  last 10240 bytes" in stdout
    assert "Working dir" not in stdout


def test_a_manifest_goes_into_a_pipe_byte_for_byte() -> None:
    text = "# ünder\nkind: Job\n"

    assert run("jobs", "get", "backup", "--manifest", api=FakeApi(Reply({"job": JOB, "manifest": text}))).stdout == text


def test_jobs_are_asked_for_by_label_text_and_state() -> None:
    api = FakeApi(Reply({"jobs": [], "problems": []}))

    result = run("jobs", "list", "-l", "a=b", "-l", "c=d", "--text", "x", "--state", "paused", api=api)

    assert api.sent == [("GET", "/api/jobs?label=a%3Db&label=c%3Dd&text=x&state=paused&page_size=1000")]
    assert "No such jobs." in result.stderr


def test_a_selector_may_have_several_values() -> None:
    job = created("x", "--schedule", "@daily", "--command", "x", "--selector", "name=a", "--selector", "name=b")

    assert job["selector"] == {"name": ["a", "b"]}


def test_a_job_that_is_pinged_needs_no_schedule_and_no_command() -> None:
    assert created("x", "--checkin-by", "ping", "--period", "1h") == {
        "name": "x",
        "namespace": "default",
        "checkin_by": "ping",
        "period": "1h",
    }


DIFF = {
    "before": {},
    "after": {},
    "diff": "--- a\n+++ b\n-x\x1b\n+y\n",
    "changes": [{"field": "spec.command", "before": "x", "after": "y"}],
}


def test_a_diff_is_shown_and_ends_with_1() -> None:
    result = run("jobs", "diff", "backup", api=FakeApi(Reply(DIFF)))

    assert (result.exit_code, result.stdout) == (1, "--- a\n+++ b\n-x\\x1b\n+y\n")


def test_a_diff_of_nothing_ends_with_0() -> None:
    assert run("jobs", "diff", "backup", api=FakeApi(Reply({**DIFF, "diff": ""}))).exit_code == 0


def test_a_commit_may_be_named_by_its_first_letters() -> None:
    sha = "c0ffee" + "0" * 34
    api = FakeApi(Reply({"commits": [{"sha": sha}, {"sha": "b" * 40}]}), Reply(DIFF))

    run("jobs", "diff", "backup", "--from", "c0ffee", api=api)

    assert api.sent[-1] == ("GET", f"/api/jobs/default/backup/diff?from={sha}")


@pytest.mark.parametrize("short", ["c0", "d"])
def test_a_commit_that_is_none_or_several_is_not_guessed(short: str) -> None:
    api = FakeApi(Reply({"commits": [{"sha": "c0" + "1" * 38}, {"sha": "c0" + "2" * 38}]}))

    assert run("jobs", "diff", "backup", "--to", short, api=api).exit_code == 2


def test_the_next_runs_are_told_for_each_zone() -> None:
    zone = {"timezone": "Europe/Paris", "endpoints": [{"id": "ep-1", "name": "web"}]}
    runs = [{"at": "2026-11-21T01:30:00.000Z", "local": "2026-11-21T02:30:00+01:00"}]
    answer = {"description": "at 02:30", "zones": [{**zone, "runs": runs}], "notes": ["soon"]}

    result = run("jobs", "next", "backup", api=FakeApi(Reply(answer)))

    assert "2026-11-21 02:30:00+01:00  2026-11-21T01:30:00.000Z  Europe/Paris  web" in result.stdout
    assert result.stderr == "at 02:30\nnote: soon\n"


def test_on_a_terminal_a_new_job_is_asked_for() -> None:
    api = FakeApi(DONE)

    result = run("jobs", "create", api=api, has_terminal=True, typed="ops/tidy\n@daily\ntidy --all\n")

    assert result.exit_code == 0
    assert api.last_body == {"name": "tidy", "namespace": "ops", "schedule": "@daily", "command": "tidy --all"}
