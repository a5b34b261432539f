"""jobs apply and jobs edit, with real files and a real editor."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli import apply_plan
from cli.invocation import Invocation
from cli.main import root
from tests.functional.cli.conftest import Program
from tests.functional.cli.server import Api
from tests.unit.cli_fakes import ENVIRON, NOW, FakeApi, Reply, refusal, run

ID = "5f0c7e9a-6a57-4a0e-9a39-0d4c1f3a9b11"
OTHER_ID = "5f0c7e9a-6a57-4a0e-9a39-0d4c1f3a9b22"
DONE = Reply({"commit": "c0ffee00c0ffee00"})


def manifest(name: str = "backup", **more: str) -> str:
    metadata = "".join(f", {key}: {value}" for key, value in more.items() if key in ("id", "namespace"))
    schedule = more.get("schedule", "@daily")
    spec = f"{{schedule: '{schedule}', command: x}}"
    return f"# why\napiVersion: v1\nkind: Job\nmetadata: {{name: {name}{metadata}}}\nspec: {spec}\n"


def stored(name: str = "backup", **more: Any) -> dict[str, Any]:
    fields = {"id": ID, "name": name, "namespace": "default", "schedule": "@daily", "command": "x", "sha": "abc", "path": "p"}
    return {**fields, **more}


def listing(*jobs: dict[str, Any]) -> Reply:
    return Reply({"jobs": list(jobs), "problems": [], "next": None})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def apply(folder: Path, *args: str, api: FakeApi) -> Result:
    return run("jobs", "apply", "-f", str(folder), *args, api=api)


def test_what_is_missing_is_created_and_what_differs_is_updated(folder: Path) -> None:
    (folder / "a.yaml").write_text(manifest("new"))
    (folder / "b.yaml").write_text(manifest(schedule="@hourly"))
    (folder / "c.yml").write_text(manifest("same"))
    api = FakeApi(listing(stored(), stored("same", id=OTHER_ID)), DONE, DONE)

    result = apply(folder, "-o", "json", api=api)

    assert api.sent[1:] == [("PUT", "/api/jobs/default/backup"), ("POST", "/api/jobs")]
    assert api.requests[1].headers["If-Match"] == '"abc"'
    actions = {one["job"]: one["action"] for one in json.loads(result.stdout)["jobs"]}
    assert actions == {"backup": "updated", "new": "created", "same": "unchanged"}


def test_the_table_sums_up_on_stderr(folder: Path) -> None:
    (folder / "a.yaml").write_text(manifest())

    result = apply(folder, api=FakeApi(listing(), DONE))

    assert "backup  created  c0ffee00c0" in result.stdout
    assert result.stderr == "1 created.\n"


def test_a_job_known_by_its_id_moves(folder: Path) -> None:
    (folder / "a.yaml").write_text(manifest("dump", id=ID, namespace="ops"))
    api = FakeApi(listing(stored()), DONE)

    result = apply(folder, api=api)

    assert api.sent[1] == ("PUT", "/api/jobs/default/backup")
    assert (api.last_body["name"], api.last_body["namespace"]) == ("dump", "ops")
    assert "moved" in result.stdout


def test_a_folder_is_a_namespace_where_the_manifest_names_none(folder: Path) -> None:
    (folder / "ops" / "deep").mkdir(parents=True)
    (folder / "ops" / "deep" / "a.yaml").write_text(manifest())
    (folder / "ops" / "namespace.yaml").write_text("description: x")
    (folder / ".git").mkdir()
    (folder / ".git" / "x.yaml").write_text("no manifest")
    api = FakeApi(listing(), DONE)

    apply(folder, api=api)

    assert api.last_body["namespace"] == "ops"


def test_a_dry_run_sends_nothing(folder: Path) -> None:
    (folder / "a.yaml").write_text(manifest())
    api = FakeApi(listing())

    result = apply(folder, "--dry-run", api=api)

    assert len(api.requests) == 1
    assert result.stderr == "Would do: 1 create.\n"


def test_a_diff_shows_what_would_change_and_ends_with_1(folder: Path) -> None:
    (folder / "a.yaml").write_text(manifest(schedule="@hourly"))
    api = FakeApi(listing(stored()))

    result = apply(folder, "--diff", api=api)

    assert '-  schedule: "@daily"\n+  schedule: "@hourly"' in result.stdout
    assert "id" not in "".join(line for line in result.stdout.splitlines() if line[0] in "+-")
    assert (result.exit_code, len(api.requests)) == (1, 1)


def test_a_diff_of_nothing_ends_with_0_and_comments_do_not_count(folder: Path) -> None:
    (folder / "a.yaml").write_text(manifest())

    result = apply(folder, "--diff", api=FakeApi(listing(stored())))

    assert (result.exit_code, result.output) == (0, "")


def test_a_diff_that_cannot_be_made_does_not_end_like_one_with_changes(folder: Path) -> None:
    (folder / "a.yaml").write_text(manifest())

    assert apply(folder, "--diff", api=FakeApi(Reply({"error": {"message": "oops"}}, 500))).exit_code == 2
    assert apply(folder, "--diff", api=FakeApi(refusal(503, "unavailable", "down"))).exit_code == 6


def test_one_bad_file_keeps_all_from_being_sent_and_every_problem_is_told(folder: Path) -> None:
    (folder / "a.yaml").write_text(manifest())
    (folder / "b.yaml").write_text(manifest(schedule="daily"))
    (folder / "c.yaml").write_text("[")
    api = FakeApi()

    result = apply(folder, api=api)

    assert (result.exit_code, api.requests) == (7, [])
    assert f"{folder}/b.yaml:5:18: spec.schedule: " in result.stderr
    assert f"{folder}/c.yaml:" in result.stderr
    assert "2 of 3 files" in result.stderr


@pytest.mark.parametrize("twin", [manifest(), manifest("other", id=ID)])
def test_two_files_for_one_job_are_refused(folder: Path, twin: str) -> None:
    (folder / "a.yaml").write_text(manifest(id=ID))
    (folder / "b.yaml").write_text(twin)

    result = apply(folder, api=FakeApi(listing()))

    assert result.exit_code == 7
    assert "a.yaml" in result.stderr
    assert "b.yaml" in result.stderr


def test_a_job_that_is_refused_does_not_keep_the_others_from_being_done(folder: Path) -> None:
    (folder / "a.yaml").write_text(manifest("a"))
    (folder / "b.yaml").write_text(manifest("b"))
    api = FakeApi(listing(), refusal(409, "conflict", "is there already"), DONE)

    result = apply(folder, api=api)

    assert result.exit_code == 5
    assert "1 of 2 jobs could not be applied" in result.stderr
    assert "  a: is there already" in result.stderr
    assert "created" in result.stdout


def test_an_api_that_is_down_ends_it_at_once(folder: Path) -> None:
    (folder / "a.yaml").write_text(manifest("a"))
    (folder / "b.yaml").write_text(manifest("b"))
    api = FakeApi(listing(), refusal(503, "unavailable", "down", Retry_After="5"))

    assert apply(folder, api=api).exit_code == 6
    assert len(api.requests) == 2


def test_a_limit_is_waited_for(folder: Path) -> None:
    (folder / "a.yaml").write_text(manifest())
    api = FakeApi(listing(), refusal(429, "too_many_requests", "slow down", Retry_After="7"), DONE)
    waits: list[float] = []
    state = Invocation(ENVIRON, api.session(), now=lambda: NOW, has_terminal=lambda: False, sleep=waits.append)

    result = CliRunner().invoke(root, ["jobs", "apply", "-f", str(folder)], obj=state)

    assert (result.exit_code, waits) == (0, [7])
    assert "waiting" in result.stderr


def test_a_folder_without_manifests_is_a_mistake(folder: Path) -> None:
    assert apply(folder, api=FakeApi()).exit_code == 1


def test_a_manifest_from_stdin_is_applied() -> None:
    api = FakeApi(listing(), DONE)

    assert run("jobs", "apply", "-f", "-", api=api, typed=manifest()).exit_code == 0
    assert api.last_body["name"] == "backup"


def test_a_listing_of_several_pages_is_read_to_its_end(folder: Path) -> None:
    (folder / "a.yaml").write_text(manifest())
    api = FakeApi(Reply({"jobs": [], "next": "2"}), listing(stored()))

    result = apply(folder, api=api)

    assert "unchanged" in result.stdout
    assert "next=2" in api.sent[1][1]


def test_a_job_read_from_the_api_is_the_job_that_is_sent_to_it() -> None:
    body = stored(
        env={"A": "1"}, selector={"name": ["a", "b"]}, timeout="2h", depends_on=["x"], memory="512M", from_the_future=1
    )

    sent = apply_plan.body_of(apply_plan.job_of(body))

    assert {key: sent[key] for key in ("env", "selector", "timeout", "depends_on", "memory")} == {
        key: body[key] for key in ("env", "selector", "timeout", "depends_on", "memory")
    }


def test_a_job_from_a_newer_api_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "a.yaml").write_text(manifest())

    result = apply(folder, api=FakeApi(listing(stored(concurrency="queue"))))

    assert result.exit_code == 1
    assert "cannot read the job backup" in result.stderr
    assert "spec.concurrency" in result.stderr


ENTRY = {"id": ID, "job": "ops/a", "schedule": "@daily", "command": "x", "next_runs": ["2026-11-21T00:00:00.000Z"]}
PLAN = {"commit": "c", "has_changes": True, "problems": {}, "warnings": ["look out"]}


def test_a_plan_says_what_each_machine_would_get_and_ends_with_2(folder: Path) -> None:
    (folder / "ops" / "deep").mkdir(parents=True)
    (folder / "ops" / "deep" / "a.yaml").write_text(manifest("a"))
    (folder / "b.yaml").write_text(manifest("b", namespace="web"))
    (folder / "c.yml").write_text("[")
    plan = {"name": "web-1", "added": [ENTRY], "changed": [], "removed": [{**ENTRY, "job": "old", "next_runs": []}]}
    api = FakeApi(Reply({**PLAN, "endpoints": [plan]}))

    result = run("plan", "-f", str(folder), "--complete", api=api)

    assert sorted(api.last_body["files"]) == ["default/c.yml", "ops/deep/a.yaml", "web/b.yaml"]
    assert api.last_body["is_complete"] is True
    assert "web-1     added    ops/a  @daily    x        in 12h" in result.stdout
    assert "web-1     removed  old" in result.stdout
    assert (result.exit_code, result.stderr) == (2, "warning: look out\n")


def test_a_plan_of_nothing_ends_with_0(folder: Path) -> None:
    (folder / "a.yaml").write_text(manifest())
    api = FakeApi(Reply({**PLAN, "has_changes": False, "endpoints": [], "warnings": []}))

    assert run("plan", "-f", str(folder / "a.yaml"), api=api).exit_code == 0


def test_a_plan_with_a_bad_file_says_where(folder: Path) -> None:
    (folder / "a.yaml").write_text(manifest())
    problems = {"default/a.yaml": {"spec.schedule": "needs 5 fields (line 5, column 18)"}}

    result = run("plan", "-f", str(folder), api=FakeApi(Reply({**PLAN, "endpoints": [], "problems": problems})))

    assert result.exit_code == 7
    assert "default/a.yaml:5:18: spec.schedule: needs 5 fields" in result.stderr


class Editor:
    """What a person does in the editor: each step is a shell command on the file."""

    def __init__(self, folder: Path, api: Api, program: Program) -> None:
        self.api, self.program, self.folder = api, program, folder
        api.jobs = {"default/backup": stored()}
        api.manifest = manifest(id=ID)

    def edit(self, command: str, *args: str) -> Any:
        script = self.folder / "editor"
        script.write_text(f"#!/bin/sh\n{command}\n")
        script.chmod(0o700)
        environ = {"EDITOR": str(script), "TMPDIR": str(self.folder)}
        return self.program.run("jobs", "edit", "backup", *args, **environ)

    @property
    def kept(self) -> list[str]:
        return [path.read_text() for path in self.folder.glob("crontopus-backup-*.yaml")]


@pytest.fixture
def editor(tmp_path: Path, api: Api, program: Program) -> Editor:
    return Editor(tmp_path, api, program)


def test_an_edit_changes_the_job_under_the_version_that_was_read(editor: Editor) -> None:
    result = editor.edit("sed -i s/@daily/@hourly/ $1")

    assert (result.returncode, result.stdout) == (0, "Updated job backup (commit c0ffee00c0).\n")
    assert editor.api.jobs["default/backup"]["schedule"] == "@hourly"
    assert editor.kept == []


@pytest.mark.parametrize("command", [":", "sed -i 's/# why/# why not/' $1"])
def test_an_edit_of_nothing_sends_nothing(editor: Editor, command: str) -> None:
    result = editor.edit(command)

    assert (result.returncode, result.stdout) == (0, "Nothing changed.\n")
    assert editor.api.seen == ["GET /api/jobs/default/backup"]


def test_an_edit_that_is_no_manifest_is_kept_with_what_is_wrong_and_where(editor: Editor) -> None:
    result = editor.edit("sed -i s/@daily/daily/ $1")

    assert result.returncode == 7
    assert "spec.schedule: " in result.stderr
    assert "(line 5, column 18)" in result.stderr
    assert "your text is kept in " in result.stderr
    assert "'daily'" in editor.kept[0]
    assert editor.api.seen == ["GET /api/jobs/default/backup"]


def test_an_edit_that_someone_else_overtook_is_kept(editor: Editor) -> None:
    editor.api.jobs["default/backup"]["sha"] = "abc"
    overtake = "sed -i s/@daily/@hourly/ $1"
    editor.api.etag = "older"

    result = editor.edit(overtake)

    assert result.returncode == 5
    assert "@hourly" in editor.kept[0]


def test_without_an_editor_and_a_terminal_the_other_way_is_named(program: Program) -> None:
    result = program.run("jobs", "edit", "backup", EDITOR="", VISUAL="")

    assert result.returncode == 2
    assert "jobs update -f" in result.stderr


def test_the_editors_mistakes_are_said(editor: Editor) -> None:
    assert "Editing failed" in editor.edit("exit 1").stderr
