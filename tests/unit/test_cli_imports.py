import json
from pathlib import Path

from chalicelib.domain import manifest
from tests.unit.cli_fakes import FakeApi, Reply, run
from tests.unit.test_checks_import import CHECK, MONITOR, UUID

TABLE = "MAILTO=ops\n30 3 * * * /usr/bin/backup.sh\n61 * * * * broken\n"
SHOWN = {
    "id": UUID,
    "path": "default/backup.yaml",
    "sha": "s",
    "url": "u",
    "name": "backup",
    "namespace": "default",
    "paused": False,
}


def given(folder: Path, content: object) -> str:
    path = folder / "given"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def jobs_in(folder: Path) -> dict[str, manifest.Job]:
    paths = sorted(folder.rglob("*.yaml"))
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return {path: manifest.parse(text, path, strict=True).job for path, text in found.items()}


def test_checks_become_files_that_keep_their_ids(tmp_path: Path) -> None:
    told = run("import", "healthchecks", given(tmp_path, {"checks": [CHECK]}), "--into", str(tmp_path / "jobs"))

    assert told.exit_code == 0
    assert jobs_in(tmp_path / "jobs")["default/filesystem-backup.yaml"].id == UUID
    assert "crontopus jobs apply -f" in told.stderr


def test_monitors_go_into_the_namespace_that_was_asked_for(tmp_path: Path) -> None:
    told = run("import", "cronitor", given(tmp_path, [MONITOR]), "--into", str(tmp_path / "jobs"), "-n", "web", "-o", "name")

    assert told.stdout == f"{tmp_path}/jobs/web/nightly.yaml\n"
    assert list(jobs_in(tmp_path / "jobs")) == ["web/nightly.yaml"]


def test_a_crontab_comes_by_stdin_and_what_is_no_job_is_named(tmp_path: Path) -> None:
    told = run("import", "crontab", "-", "--into", str(tmp_path / "jobs"), typed=TABLE)

    assert list(jobs_in(tmp_path / "jobs")) == ["default/backup.yaml"]
    assert "61 * * * * broken" in told.stdout
    assert "cron would refuse it" in told.stdout
    assert "its output was mailed" in told.stdout


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    arguments = ("import", "crontab", given(tmp_path, TABLE), "--into", str(tmp_path / "jobs"))
    run(*arguments)
    (tmp_path / "jobs/default/backup.yaml").write_text("by hand")

    told = run(*arguments)

    assert told.exit_code == 5
    assert (tmp_path / "jobs/default/backup.yaml").read_text() == "by hand"


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    no_json = run("import", "healthchecks", given(tmp_path, "{"), "--into", str(tmp_path / "jobs"))
    no_checks = run("import", "healthchecks", given(tmp_path, {"x": 1}), "--into", str(tmp_path / "jobs"))
    no_jobs = run("import", "crontab", given(tmp_path, "61 * * * * x"), "--into", str(tmp_path / "jobs"))
    reserved = run("import", "crontab", given(tmp_path, TABLE), "--into", str(tmp_path / "jobs"), "-n", "system")

    assert [told.exit_code for told in (no_json, no_checks, no_jobs, reserved)] == [7, 7, 1, 2]
    assert not (tmp_path / "jobs").exists()


def test_jobs_are_exported_as_healthchecks_takes_them() -> None:
    pinged = SHOWN | {"checkin_by": "ping", "period": "1h", "grace": "10m", "labels": {"prod": ""}}

    told = run("export", "healthchecks", api=FakeApi(Reply({"jobs": [pinged], "next": None})))

    assert json.loads(told.stdout) == {
        "checks": [
            {
                "name": "backup",
                "slug": "backup",
                "tags": "prod",
                "desc": "",
                "grace": 600,
                "manual_resume": False,
                "methods": "",
                "timeout": 3600,
            }
        ]
    }


def test_jobs_are_exported_as_a_crontab() -> None:
    timed = SHOWN | {"schedule": "@daily", "command": "date +%F"}

    told = run("export", "crontab", api=FakeApi(Reply({"jobs": [timed], "next": None})))

    assert told.stdout == "# default/backup\n@daily date +\\%F\n"
