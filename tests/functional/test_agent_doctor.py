"""`doctor` on machines that are broken for real."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.doctor.look_cron import confined_by, denied_by, no_new_privs, other_blocks
from agent.doctor.look_others import other_agents
from tests.fixtures.fake_api import ENDPOINT_TOKEN
from tests.fixtures.places import Place, machine


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with machine(tmp_path_factory.mktemp("doctor")) as here:
        here.enroll()
        here.agent("sync")
        yield here


def checks(place: Place, **env: str) -> dict[str, dict[str, Any]]:
    """Return the gravest of each check."""
    done = place.agent("doctor", "-o", "json", env=env)
    assert done.stderr == ""
    found: dict[str, dict[str, Any]] = {}
    for check in json.loads(done.stdout)["checks"]:
        if check["name"] not in found or check["level"] != "ok":
            found[check["name"]] = check
    return found


def test_a_machine_after_its_first_round_is_well_but_for_the_agent_that_does_not_run(place: Place) -> None:
    found = checks(place)

    assert {name for name, check in found.items() if check["level"] == "fail"} - {"others"} == {"agent"}
    assert {"config", "home", "disk", "crontab", "readable", "writable", "block", "run-job", "token", "forge"} <= set(found)
    assert place.agent("doctor").returncode == 1


def test_looking_changes_nothing(place: Place) -> None:
    def seen() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in place.home.rglob("*") if path.is_file() and path.suffix != ".pyc"}

    before, table = seen(), place.cron.content
    place.agent("doctor")

    assert (seen(), place.cron.content) == (before, table)
    assert place.cron.writes == 1


def test_a_machine_that_was_never_enrolled_is_told_how(tmp_path: Path) -> None:
    with machine(tmp_path) as new:
        done = new.agent("doctor")

    assert done.returncode == 2
    assert "crontopus-agent enroll" in done.stdout


def test_a_missing_crontab_and_one_that_cannot_be_read_are_told_apart(place: Place) -> None:
    assert checks(place, CRONTOPUS_CRONTAB="/nowhere/crontab")["crontab"]["level"] == "fail"
    place.cron.steer(list_fails="crontab: permission denied")
    found = checks(place)
    place.cron.steer(list_fails="")

    assert (found["crontab"]["level"], found["readable"]["level"]) == ("ok", "fail")
    assert "permission denied" in found["readable"]["why"]


def test_a_wrong_token_and_a_wrong_credential_of_the_forge_are_told_apart(place: Place) -> None:
    for name, check in (("agent-token", "token"), ("git-token", "forge")):
        path = place.home / name
        right = path.read_text()
        path.write_text("cte_wrong\n")
        found = checks(place)
        path.write_text(right)

        assert {key for key in ("token", "forge") if found[key]["level"] == "fail"} == {check}


def test_a_block_that_was_edited_and_a_run_job_without_python_are_noticed(place: Place) -> None:
    table, program = place.cron.table.read_bytes(), (place.home / "bin/run-job").read_bytes()
    place.cron.table.write_bytes(table.replace(b"0 0 * * *", b"1 0 * * *") + b"# BEGIN CRONTOPUS ep-2\n# END CRONTOPUS ep-2\n")
    (place.home / "bin/run-job").write_bytes(program.replace(b"#!/", b"#!/nowhere/", 1))
    found = checks(place)
    place.cron.table.write_bytes(table)
    (place.home / "bin/run-job").write_bytes(program)

    assert (found["block"]["level"], found["run-job"]["level"]) == ("warn", "fail")


def test_the_token_is_in_nothing_that_is_said(place: Place) -> None:
    done = place.agent("doctor", "-o", "json")

    assert ENDPOINT_TOKEN not in done.stdout + done.stderr


def test_cron_allow_and_deny_are_read_as_crontab_reads_them(tmp_path: Path) -> None:
    assert denied_by("ada", 1000, (tmp_path,)) is None
    (tmp_path / "cron.deny").write_text("bob\nada\n")
    assert denied_by("ada", 1000, (tmp_path,)) == f"{tmp_path}/cron.deny"
    assert denied_by("root", 0, (tmp_path,)) is None
    (tmp_path / "cron.allow").write_text("ada\n")
    assert denied_by("ada", 1000, (tmp_path,)) is None
    assert denied_by("eve", 1000, (tmp_path,)) == f"{tmp_path}/cron.allow"


def test_a_process_without_new_privileges_is_told_by_its_status(tmp_path: Path) -> None:
    for pid, value in ((7, 1), (8, 0)):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "status").write_text(f"Name:\tx\nNoNewPrivs:\t{value}\n")

    assert no_new_privs({"a": 7, "b": 8, "c": 9, "d": None}, tmp_path) == ("a",)


def test_access_control_is_told_by_what_the_kernel_says(tmp_path: Path) -> None:
    assert confined_by(tmp_path) is None
    (tmp_path / "proc/self/attr").mkdir(parents=True)
    (tmp_path / "proc/self/attr/current").write_text("crontopus (enforce)\n")
    assert confined_by(tmp_path) == "AppArmor (crontopus (enforce))"
    (tmp_path / "sys/fs/selinux").mkdir(parents=True)
    (tmp_path / "sys/fs/selinux/enforce").write_text("1")
    assert confined_by(tmp_path) == "SELinux"


def test_agents_of_this_user_are_found_by_their_processes(tmp_path: Path) -> None:
    for pid, words in ((7, b"crontopus-agent\0run\0"), (8, b"crontopus-agent\0run\0"), (9, b"cat\0")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cmdline").write_bytes(words)
    (tmp_path / "8" / "environ").write_bytes(b"A=b\0CRONTOPUS_HOME=/srv\0")

    assert other_agents(os.getuid(), 7, tmp_path) == ("process 8 with its folder below /srv",)


def test_blocks_of_others_are_found() -> None:
    table = b"# BEGIN CRONTOPUS ep-1\n# END CRONTOPUS ep-1\n# BEGIN CRONTOPUS ep-2\n# END CRONTOPUS ep-2\n"

    assert other_blocks(table, frozenset({"ep-1"})) == ("ep-2",)
