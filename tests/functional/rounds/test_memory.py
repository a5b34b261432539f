"""What is remembered, what happens without it, and rounds that are killed."""

import json
import shutil

import pytest

from agent.home import make_private
from chalicelib.domain.errors import Stalled
from tests.fixtures.rounds import FOREIGN, Machine, held_by, job_id, manifest, manifests, path


def test_one_corrupted_manifest_among_many_keeps_its_last_good_version_across_a_restart(machine: Machine) -> None:
    machine.remote.commit(manifests(*range(100)))
    machine.sync().round()
    machine.remote.commit({path(4): b"apiVersion: v1\nkind: Job\nspec: [\n", path(5): manifest(5, "1 1 * * *")})

    for _ in range(2):
        report = machine.sync().round()

    assert (report.managed, len(report.problems)) == (100, 1)
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


def test_an_agent_installed_anew_takes_its_jobs_over_from_the_block_alone(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2, 3))
    machine.sync().round()
    shutil.rmtree(machine.home.directory)
    make_private(machine.home.directory)
    machine.remote.commit({path(1): None, path(2): manifest(2, "1 1 * * *")})

    report = machine.sync().round()

    assert machine.table.content == FOREIGN + machine.block(2, 3).replace(machine.line(2), machine.line(2, "1 1 * * *"))
    assert (report.added, report.changed, report.removed) == (0, 1, 1)
    assert machine.placed() == machine.job_files() == {job_id(2), job_id(3)}


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
