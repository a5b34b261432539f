"""The forms of results, seen from outside."""

import csv
import io
import json
from typing import Any

import pytest
import yaml

from cli.formats import as_csv, as_yaml
from tests.unit.cli_fakes import ENVIRON, FakeApi, Reply, run
from tests.unit.test_cli_runs import RUN, page, some_run

COMMIT = "c0ffee" * 6 + "c0ff"


def runs(*args: str, environ: dict[str, str] = ENVIRON, **changes: Any) -> str:
    result = run("runs", "list", *args, api=FakeApi(page(some_run(**changes))), environ=environ)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_yaml_says_what_json_says() -> None:
    assert yaml.safe_load(runs("-o", "yaml")) == json.loads(runs("-o", "json"))


def test_text_of_many_lines_stands_as_a_block_in_yaml() -> None:
    assert as_yaml({"manifest": "a: 1\nb: 2\n"}) == "manifest: |\n  a: 1\n  b: 2"


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "\u202etxt", "a\x9bb\nc", "\x00", "yes", "1e3", "café", "a: b # c", "", " x ", "\n"]
)
def test_yaml_means_the_same_and_cannot_command_a_terminal(text: str) -> None:
    shown = as_yaml({"a": text})

    assert yaml.safe_load(shown) == {"a": text}
    assert all(char == "\n" or char.isprintable() for char in shown)


def test_a_plain_value_in_yaml_is_one_line() -> None:
    assert runs("-o", "yaml", "--query", "runs[0].status") == "failure\n"


def test_names_are_what_other_commands_take() -> None:
    assert runs("-o", "name") == f"{RUN['run_id']}\n"


def test_csv_has_every_column_and_plain_values() -> None:
    (row,) = csv.DictReader(io.StringIO(runs("-o", "csv", duration_ms=65_000, commit=COMMIT)))

    assert row["started_at"] == RUN["started_at"]
    assert row["duration_ms"] == "65000"
    assert row["commit"] == COMMIT[:10]
    assert row["job_id"] == ""


def test_csv_without_rows_is_its_header() -> None:
    shown = run("runs", "list", "-o", "csv", api=FakeApi(page()))

    assert shown.stdout.startswith("status,job,started_at,duration_ms,run_id")
    assert (shown.stdout.count("\n"), shown.stderr) == (1, "")


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_spreadsheet_takes_a_field_for_a_formula(value: str) -> None:
    assert as_csv(["a"], [[value]]) == f"a\n'{value}"


def test_csv_quotes_what_needs_it_and_escapes_control_characters() -> None:
    assert as_csv(["a", "b"], [['say "x", y', "two\nlines\x1b"], [None, ""]]) == 'a,b\n"say ""x"", y",two\\nlines\\x1b\n,'


def test_one_thing_in_csv_is_one_row() -> None:
    endpoint = {"id": "ep-1", "name": "web", "labels": {"a": "1", "b": "2"}}
    api = FakeApi(Reply({"endpoints": [endpoint]}), Reply({"endpoint": endpoint, "repository": {"url": "u", "branch": "main"}}))

    (row,) = csv.DictReader(io.StringIO(run("endpoints", "show", "web", "-o", "csv", api=api).stdout))

    assert (row["name"], row["label"], row["enrolled"]) == ("web", "a=1; b=2", "")


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("table", "Paused job backup (commit c0ffee).\n"),
        ("name", "backup\n"),
        ("csv", "name,result\nbackup,Paused job backup (commit c0ffee).\n"),
        ("yaml", "commit: c0ffee\n"),
    ],
)
def test_what_was_done_is_said_in_every_form(form: str, shown: str) -> None:
    assert run("jobs", "pause", "backup", "-o", form, api=FakeApi(Reply({"commit": "c0ffee"}))).stdout == shown


def test_a_new_token_is_printed_in_every_form_as_it_is_shown_only_once() -> None:
    for form in ("table", "wide", "json", "yaml", "name", "csv"):
        api = FakeApi(Reply({"token": {"id": "tk-1", "expires_at": None}, "plain_text": "ctp_x"}, 201))

        assert "ctp_x" in run("tokens", "create", "ci", "--scope", "admin:*", "-o", form, api=api).stdout


def test_wide_has_columns_that_a_table_has_not() -> None:
    assert "JOB ID" in runs("-o", "wide")
    assert "JOB ID" not in runs()


def test_a_query_picks_from_the_json() -> None:
    assert json.loads(runs("--query", "runs[].{job: job_name, code: exit_code}")) == [{"job": "backup", "code": 1}]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("runs[].job_name", "backup\n"),
        ("runs[0].exit_code", "1\n"),
        ("runs[].nothing", ""),
        ("nothing", ""),
        ("runs[0].[status]", "failure\n"),
    ],
)
def test_a_query_as_names_gives_plain_lines(query: str, shown: str) -> None:
    assert runs("--query", query, "-o", "name") == shown


@pytest.mark.parametrize("args", [("--query", "runs["), ("--query", "runs", "-o", "csv"), ("-o", "table", "--query", "runs")])
def test_a_query_that_cannot_work_is_refused_before_anything_is_sent(args: tuple[str, ...]) -> None:
    api = FakeApi()

    result = run("jobs", "pause", "x", *args, api=api)

    assert result.exit_code == 2
    assert "--query" in result.stderr
    assert api.requests == []


def test_a_query_that_does_not_fit_the_answer_is_a_usage_error() -> None:
    assert run("runs", "list", "--query", "length(total)", api=FakeApi(page())).exit_code == 2


def test_times_can_be_absolute() -> None:
    assert "2026-11-20 11:57:00+00:00" in runs("--absolute-time", "--utc")


def test_colours_may_be_forced_onto_a_pipe() -> None:
    assert "\x1b[31mfailure" in runs("--color", "always")
    assert "\x1b[31mfailure" in runs(environ={**ENVIRON, "CLICOLOR_FORCE": "1"})


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"CLICOLOR": "0"}, {"CLICOLOR_FORCE": "0"}])
def test_the_environment_can_forbid_colours(more: dict[str, str]) -> None:
    assert "\x1b" not in runs(environ={**ENVIRON, **more})


def test_an_option_wins_over_the_environments_colours() -> None:
    assert "\x1b" not in runs("--color", "never", environ={**ENVIRON, "CLICOLOR_FORCE": "1"})
    assert "\x1b" in runs("--color", "always", environ={**ENVIRON, "NO_COLOR": "1"})


def test_an_unknown_form_is_refused_with_those_there_are() -> None:
    result = run("runs", "list", "-o", "xml")

    assert result.exit_code == 2
    assert "'wide'" in result.stderr
