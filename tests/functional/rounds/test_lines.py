"""Which lines and job files a round leaves."""

import json
import os
from pathlib import Path

from agent.schedulers.memory import MemoryTable
from tests.fixtures.rounds import FOREIGN, Machine, job_id, manifest, manifests, path


def test_jobs_of_the_repository_get_one_line_each_below_what_was_there(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))

    report = machine.sync().round()

    assert machine.table.content == FOREIGN + machine.block(1, 2)
    assert (report.added, report.managed, report.applied) == (2, 2, machine.remote.head())


def test_a_job_has_its_file_before_its_line(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    seen: list[set[str]] = []

    class Watching(MemoryTable):
        def install(self, file: Path) -> None:
            seen.append(machine.job_files())
            super().install(file)

    machine.sync(Watching(FOREIGN)).round()

    assert seen == [{job_id(1)}]


def test_a_job_keeps_its_file_until_its_line_is_gone(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    machine.sync().round()
    machine.remote.commit({path(1): None})
    seen: list[set[str]] = []

    class Watching(MemoryTable):
        def install(self, file: Path) -> None:
            seen.append(machine.job_files())
            super().install(file)

    machine.sync(Watching(machine.table.content)).round()

    assert seen == [{job_id(1), job_id(2)}]
    assert machine.job_files() == {job_id(2)}


def test_only_schedule_path_and_id_appear_in_the_table(machine: Machine) -> None:
    machine.remote.commit({path(1): manifest(1, command="echo $(id) `id` % ; 'x'\\n")})
    machine.sync().round()

    assert machine.table.content == FOREIGN + machine.block(1)


def test_a_missing_run_job_is_installed_again(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    sync = machine.sync()
    sync.round()
    machine.home.run_job.unlink()
    sync.round()

    assert os.access(machine.home.run_job, os.X_OK)


def test_a_changed_command_changes_the_job_file_and_leaves_the_table_alone(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    sync = machine.sync()
    sync.round()
    machine.remote.commit({path(1): manifest(1, command="echo new")})
    sync.round()

    assert machine.table.writes == 1
    assert json.loads((machine.home.jobs / f"{job_id(1)}.yaml").read_text())["command"] == "echo new"


def test_a_job_file_that_went_missing_is_written_again(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    sync = machine.sync()
    sync.round()
    (machine.home.jobs / f"{job_id(1)}.yaml").unlink()
    sync.round()

    assert machine.job_files() == {job_id(1)}


def test_a_removed_manifest_removes_its_line_and_nothing_else(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    sync = machine.sync()
    sync.round()
    machine.remote.commit({path(1): None})

    assert sync.round().removed == 1
    assert machine.table.content == FOREIGN + machine.block(2)


def test_a_paused_job_loses_its_line_and_gets_it_back(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    sync = machine.sync()
    sync.round()
    machine.remote.commit({path(1): manifest(1, more="  paused: true\n"), path(2): manifest(2, more="  enabled: false\n")})
    report = sync.round()

    assert (report.paused, machine.table.content) == (2, FOREIGN)
    machine.remote.commit(manifests(1, 2))
    sync.round()
    assert machine.table.content == FOREIGN + machine.block(1, 2)


def test_a_moved_manifest_keeps_its_line(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    sync = machine.sync()
    sync.round()
    machine.remote.commit({path(1): None, path(1, "ops"): manifest(1)})
    sync.round()

    assert machine.table.writes == 1
    assert json.loads((machine.home.jobs / f"{job_id(1)}.yaml").read_text())["namespace"] == "ops"
