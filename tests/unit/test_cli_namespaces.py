import json
from typing import Any

import pytest

from tests.unit.cli_fakes import FakeApi, Reply, refusal, run

LISTED: dict[str, Any] = {
    "namespaces": [
        {"name": "default", "is_system": True, "job_count": 2, "description": None, "colour": None},
        {"name": "nightly", "is_system": False, "job_count": 0, "description": "at \x1b night", "colour": "#00ff00"},
    ],
    "count": 2,
    "problems": [{"path": "ops/namespace.yaml", "problems": {"colour": "must be text"}}],
}


def test_namespaces_are_listed_with_what_cannot_be_read_on_stderr() -> None:
    result = run("namespaces", "list", api=FakeApi(Reply(LISTED)))

    assert [line.split() for line in result.stdout.splitlines()[1:]] == [
        ["default", "2", "-", "system"],
        ["nightly", "0", "at", "\\x1b", "night", "own"],
    ]
    assert result.stderr == "warning: ops/namespace.yaml is not used:\n  colour: must be text\n"


def test_json_is_the_answer_of_the_api() -> None:
    assert json.loads(run("namespaces", "list", "--json", api=FakeApi(Reply(LISTED))).stdout) == LISTED


def test_a_namespace_is_created_from_what_was_said_and_nothing_else() -> None:
    api = FakeApi(Reply({"namespace": {}, "commit": "c0ffee00c0ffee00"}, 201))

    result = run("namespaces", "create", "nightly", "--description", "at night", api=api)

    assert api.last_body == {"name": "nightly", "description": "at night"}
    assert result.stdout == "Created namespace nightly (commit c0ffee00c0).\n"


def test_a_namespace_is_not_deleted_unasked() -> None:
    api = FakeApi()

    assert run("namespaces", "delete", "nightly", api=api).exit_code == 2
    assert api.requests == []


@pytest.mark.parametrize(("status", "code", "exit_code"), [(409, "conflict", 5), (403, "forbidden", 4), (404, "not_found", 3)])
def test_a_namespace_that_stays_says_why(status: int, code: str, exit_code: int) -> None:
    result = run("namespaces", "delete", "nightly", "--yes", api=FakeApi(refusal(status, code, "it holds 1 job")))

    assert result.exit_code == exit_code
    assert "it holds 1 job" in result.stderr
