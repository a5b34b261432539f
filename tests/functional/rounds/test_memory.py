"""What is remembered, what happens without it, and rounds that are killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.schedulers.crontab import CrontabProgram
from chalicelib.domain.errors import Stalled
from tests.fixtures.fake_crontab import FakeCrontab
from tests.fixtures.rounds import FOREIGN, Machine, held_by, job_id, manifest, manifests, path


def test_one_corrupted_manifest_among_many_keeps_its_last_good_version_across_a_restart(machine: Machine) -> None:
    machine.remote.commit(manifests(*range(10)))
    machine.sync().round()
    machine.remote.commit({path(4): b"apiVersion: v1\nkind: Job\nspec: [\n", path(5): manifest(5, "1 1 * * *")})

    for _ in range(2):
        report = machine.sync().round()

    assert (report.managed, len(report.problems)) == (10, 1)
    assert "default/job-4.yaml" in report.problems[0]
    assert "line " in report.problems[0]
    assert machine.line(4) in (machine.table.content or b"")
    assert machine.line(5, "1 1 * * *") in (machine.table.content or b"")


def test_a_broken_manifest_keeps_its_line_even_when_the_good_version_is_forgotten(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    machine.sync().round()
    machine.home.manifests.unlink()
    machine.remote.commit({path(1): b"{"})

    machine.sync().round()

    assert machine.table.content == FOREIGN + machine.block(1, 2)


def test_without_any_state_the_block_in_the_table_is_what_is_known(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2, 3))
    machine.sync().round()
    machine.home.inventory.unlink()
    machine.home.manifests.unlink()
    machine.remote.commit({path(1): None})

    machine.sync().round()

    assert machine.table.content == FOREIGN + machine.block(2, 3)
    assert machine.placed() == {job_id(2), job_id(3)}


def test_without_any_state_a_repository_that_is_empty_removes_nothing(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2, 3))
    machine.sync().round()
    machine.home.inventory.unlink()
    machine.remote.commit({"default/.gitkeep": b""}, is_orphan=True)

    assert held_by(machine.sync().round()) == "empty_repository"
    assert machine.table.content == FOREIGN + machine.block(1, 2, 3)


def test_state_of_a_newer_agent_makes_this_one_keep_its_hands_off(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    machine.home.inventory.write_text(json.dumps({"version": 2}))

    with pytest.raises(Stalled) as caught:
        machine.sync().round()

    assert (caught.value.code, machine.table.writes) == ("state_newer", 0)


def test_a_machine_enrolled_anew_takes_over_the_block_of_its_former_self(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    machine.sync().round()
    machine.endpoint_id = "ep-2"

    machine.sync().round()

    assert machine.table.content == FOREIGN + machine.block(1).replace(b"ep-1", b"ep-2")


def test_killed_anywhere_in_a_round_the_table_is_old_or_new_and_the_next_round_converges(
    machine: Machine, tmp_path: Path
) -> None:
    fake = FakeCrontab(tmp_path / "cron", FOREIGN)
    machine.remote.commit(manifests(1, 2))
    machine.sync(CrontabProgram(str(fake.program), os.environ)).round()
    machine.remote.commit({path(1): None, path(2): manifest(2, "1 1 * * *"), path(3): manifest(3)})
    command = [sys.executable, "-m", "tests.fixtures.dying_rounds", str(tmp_path), machine.forge.clone_url]

    deaths = [json.loads(line) for line in subprocess.run(command, capture_output=True, check=True).stdout.splitlines()]

    new = FOREIGN + machine.block(2, 3).replace(machine.line(2), machine.line(2, "1 1 * * *"))
    assert len(deaths) > 12
    assert {death["table"] for death in deaths} == {(FOREIGN + machine.block(1, 2)).hex(), new.hex()}
    assert {death["then"] for death in deaths} == {new.hex()}
    assert {tuple(death["jobs"]) for death in deaths} == {(job_id(2), job_id(3))}
    assert {tuple(death["placed"]) for death in deaths} == {(job_id(2), job_id(3))}
