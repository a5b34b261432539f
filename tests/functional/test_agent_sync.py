"""Whole rounds: a real repository over HTTP, the real order of writes, and a crontab in memory or in a file."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.gitdoor import Door
from agent.gitsync import GitSource
from agent.home import Home, make_private
from agent.schedulers.crontab import Crontab, CrontabProgram, Table
from agent.schedulers.memory import MemoryTable
from agent.sync import Report, Sync, uninstall
from agent.wrapper.command import crontab_command
from chalicelib.domain.errors import Stalled, Unavailable
from chalicelib.domain.ids import uuid4_from
from tests.fixtures.fake_crontab import FakeCrontab
from tests.fixtures.git_http import TOKEN, USERNAME, BareRepository, Forge, Special, serving

FOREIGN = b"MAILTO=me\r\n# caf\xe9\n0 1 * * *\tdate +\\%F % in\n"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def job_id(number: int) -> str:
    return uuid4_from(number.to_bytes(16, "big"))


def path(number: int, namespace: str = "default") -> str:
    return f"{namespace}/job-{number}.yaml"


def manifest(number: int, schedule: str = "*/5 * * * *", more: str = "", command: str = "true") -> bytes:
    identity = f"{{id: {job_id(number)}, name: job-{number}}}"
    return (
        f'apiVersion: v1\nkind: Job\nmetadata: {identity}\nspec:\n  schedule: "{schedule}"\n  command: "{command}"\n{more}'
    ).encode()


def manifests(*numbers: int) -> dict[str, bytes | Special | None]:
    return {path(number): manifest(number) for number in numbers}


@dataclass
class Machine:
    """One machine: its home, its table, its tenant's repository."""

    home: Home
    table: MemoryTable
    remote: BareRepository
    forge: Forge
    endpoint_id: str = "ep-1"

    def sync(self, table: Table | None = None) -> Sync:
        address = self.forge.clone_url
        return Sync(
            self.home,
            endpoint_id=self.endpoint_id,
            tenant_id="demo",
            source=GitSource(self.home.repo, address, "main", Door(address, USERNAME, TOKEN)),
            scheduler=self.scheduler(table),
            edition="1",
            now=lambda: NOON,
        )

    def scheduler(self, table: Table | None = None) -> Crontab:
        return Crontab(
            table or self.table,
            endpoint_id=self.endpoint_id,
            command_of=lambda job: crontab_command(self.home.directory, job),
            backups=self.home.backups,
            lock=self.home.directory,
        )

    def line(self, number: int, schedule: str = "*/5 * * * *") -> bytes:
        return f"{schedule} {crontab_command(self.home.directory, job_id(number))}".encode()

    def block(self, *numbers: int) -> bytes:
        lines = b"".join(self.line(number) + b"\n" for number in numbers)
        return b"# BEGIN CRONTOPUS ep-1\n" + lines + b"# END CRONTOPUS ep-1\n"

    def job_files(self) -> set[str]:
        return {file.stem for file in self.home.jobs.glob("*.yaml")}

    def placed(self) -> set[str]:
        return set(json.loads(self.home.inventory.read_bytes())["jobs"])


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    home = Home(tmp_path / "home" / ".crontopus")
    make_private(home.directory)
    remote = BareRepository(tmp_path / "forge")
    with serving(tmp_path / "forge") as forge:
        yield Machine(home, MemoryTable(FOREIGN), remote, forge)


def held_by(report: Report) -> str | None:
    return report.held.code if report.held else None


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


def test_a_second_round_writes_and_reads_nothing(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    sync = machine.sync()
    sync.round()
    report = sync.round()

    assert (machine.table.writes, report.parsed, report.is_written, report.managed) == (1, 0, False, 2)


def test_a_restart_reads_no_manifest_and_writes_nothing(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    machine.sync().round()
    files = {file: file.stat().st_mtime_ns for file in machine.home.directory.rglob("*") if file.is_file()}

    report = machine.sync().round()

    assert (machine.table.writes, report.parsed, report.managed) == (1, 0, 2)
    assert {file: file.stat().st_mtime_ns for file in machine.home.directory.rglob("*") if file.is_file()} == files


def test_once_all_is_settled_a_round_looks_at_the_table_once_and_decides_nothing(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))

    class Counting(MemoryTable):
        reads = 0

        def read(self) -> bytes:
            self.reads += 1
            return super().read()

    table = Counting(FOREIGN)
    sync = machine.sync(table)
    sync.round()
    long_ago = 1_700_000_000
    os.utime(machine.home.jobs, (long_ago, long_ago))
    first = sync.round()
    table.reads = 0

    assert sync.round() == first
    assert table.reads == 1


def test_a_missing_run_job_is_installed_again(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    sync = machine.sync()
    sync.round()
    machine.home.run_job.unlink()
    sync.round()

    assert os.access(machine.home.run_job, os.X_OK)


def test_one_change_reads_one_manifest(machine: Machine) -> None:
    machine.remote.commit(manifests(*range(20)))
    sync = machine.sync()
    sync.round()
    machine.remote.commit({path(3): manifest(3, "1 2 * * *")})

    report = sync.round()

    assert (report.parsed, report.changed, machine.table.writes) == (1, 1, 2)
    assert machine.line(3, "1 2 * * *") in (machine.table.content or b"")


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


def test_a_hand_edited_line_is_healed_and_said(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    sync = machine.sync()
    sync.round()
    machine.table.content = (machine.table.content or b"").replace(b"*/5", b"*/7", 1)

    report = sync.round()

    assert machine.table.content == FOREIGN + machine.block(1, 2)
    assert report.drift == (job_id(1),)


def test_a_line_removed_by_hand_comes_back(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    sync = machine.sync()
    sync.round()
    machine.table.content = FOREIGN

    assert sync.round().drift == (job_id(1), job_id(2))
    assert machine.table.content == FOREIGN + machine.block(1, 2)


def test_a_users_line_inside_our_block_stays_and_is_reported(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    sync = machine.sync()
    sync.round()
    mine = machine.block(1).replace(b"# END", b"0 4 * * * mine\n# END")
    machine.table.content = FOREIGN + mine
    machine.remote.commit({path(1): manifest(1, command="other")})
    report = sync.round()

    assert machine.table.content == FOREIGN + mine
    assert "not ours: 1" in report.warnings[0]


@pytest.mark.parametrize(
    ("status", "code"), [(503, "git_unavailable"), (401, "git_auth"), (403, "git_auth"), (404, "source_missing")]
)
def test_when_the_forge_fails_nothing_is_touched(machine: Machine, status: int, code: str) -> None:
    machine.remote.commit(manifests(1, 2))
    machine.sync().round()
    machine.forge.status = status

    with pytest.raises((Stalled, Unavailable)) as caught:
        machine.sync().round()

    assert (caught.value.code, machine.table.content) == (code, FOREIGN + machine.block(1, 2))


def test_a_deleted_branch_touches_nothing(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    machine.sync().round()
    machine.remote.delete_branch()

    with pytest.raises(Stalled) as caught:
        machine.sync().round()

    assert (caught.value.code, machine.table.content) == ("branch_missing", FOREIGN + machine.block(1, 2))


def test_an_emptied_repository_removes_nothing_until_a_person_says_so(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    sync = machine.sync()
    sync.round()
    machine.remote.commit({path(1): None, path(2): None, "default/.gitkeep": b""})

    assert held_by(sync.round()) == "empty_repository"
    assert machine.table.content == FOREIGN + machine.block(1, 2)
    assert machine.job_files() == {job_id(1), job_id(2)}
    sync.round(allow_removals=True)
    assert (machine.table.content, machine.job_files()) == (FOREIGN, set())


def test_a_repository_without_any_job_is_fine_on_a_machine_that_has_none(machine: Machine) -> None:
    machine.remote.commit({"default/.gitkeep": b""})

    assert held_by(machine.sync().round()) is None
    assert (machine.table.content, machine.table.writes) == (FOREIGN, 0)


def test_removing_most_jobs_in_one_commit_is_held_while_the_rest_of_it_is_applied(machine: Machine) -> None:
    machine.remote.commit(manifests(*range(100)))
    sync = machine.sync()
    sync.round()
    change: dict[str, bytes | Special | None] = {path(number): None for number in range(60)}
    machine.remote.commit(change | {path(200): manifest(200), path(99): manifest(99, "1 1 * * *")})
    report = sync.round()

    assert (held_by(report), len(report.held_ids), report.added, report.changed, report.managed) == (
        "removals_held",
        60,
        1,
        1,
        101,
    )
    assert machine.line(0) in (machine.table.content or b"")


def test_removing_a_few_jobs_goes_through(machine: Machine) -> None:
    machine.remote.commit(manifests(*range(100)))
    sync = machine.sync()
    sync.round()
    machine.remote.commit({path(number): None for number in range(3)})
    report = sync.round()

    assert (held_by(report), report.removed, report.managed) == (None, 3, 97)


def test_after_a_force_push_adds_are_applied_and_removals_are_held(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    machine.sync().round()
    machine.remote.commit(manifests(2, 3), is_orphan=True)

    report = machine.sync().round()

    assert (held_by(report), report.added) == ("history_rewritten", 1)
    assert machine.table.content == FOREIGN + machine.block(1, 2, 3)


def test_a_rewritten_history_stays_rewritten_when_more_is_pushed_onto_it(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    machine.sync().round()
    machine.remote.commit(manifests(2), is_orphan=True)
    machine.sync().round()
    machine.remote.commit(manifests(3))

    assert held_by(machine.sync().round()) == "history_rewritten"


def test_once_approved_a_rewritten_history_is_history(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2, 3))
    machine.sync().round()
    machine.remote.commit(manifests(2, 3), is_orphan=True)
    machine.sync().round(allow_removals=True)
    machine.remote.commit({path(3): None})

    assert held_by(machine.sync().round()) is None
    assert machine.table.content == FOREIGN + machine.block(2)


def test_a_force_push_to_an_empty_tree_removes_nothing(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    machine.sync().round()
    machine.remote.commit({"default/.gitkeep": b""}, is_orphan=True)

    assert held_by(machine.sync().round()) == "history_rewritten"
    assert machine.table.content == FOREIGN + machine.block(1, 2)


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


def test_approval_by_another_process_is_noticed(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    daemon = machine.sync()
    daemon.round()
    machine.remote.commit({path(1): None, "default/.gitkeep": b""})
    daemon.round()
    machine.sync().round(allow_removals=True)

    report = daemon.round()

    assert (held_by(report), report.managed, machine.table.content) == (None, 0, FOREIGN)


def test_an_unreadable_table_is_never_written(machine: Machine, tmp_path: Path) -> None:
    machine.remote.commit(manifests(1))
    fake = FakeCrontab(tmp_path / "cron", FOREIGN)
    fake.steer(list_fails="crontab: Permission denied")

    with pytest.raises(Stalled) as caught:
        machine.sync(CrontabProgram(str(fake.program), os.environ)).round()

    assert (caught.value.code, fake.writes, fake.content) == ("scheduler_unreadable", 0, FOREIGN)


def test_an_edit_in_the_middle_of_a_round_is_kept_and_the_round_succeeds(machine: Machine) -> None:
    machine.remote.commit(manifests(1))

    class Edited(MemoryTable):
        reads = 0

        def read(self) -> bytes:
            self.reads += 1
            if self.reads == 2:
                self.content = FOREIGN + b"# saved by an editor\n"
            return super().read()

    table = Edited(FOREIGN)
    machine.sync(table).round()

    assert table.content == FOREIGN + b"# saved by an editor\n" + machine.block(1)


@pytest.mark.parametrize("foreign", [None, b"", FOREIGN, b"# no newline", b"\n\n", b"#\n" * 9_000])
def test_uninstalling_gives_back_the_very_table(machine: Machine, foreign: bytes | None) -> None:
    machine.table = MemoryTable(foreign, is_strict=False)
    machine.remote.commit(manifests(1, 2))
    machine.sync().round()

    saved = uninstall(machine.home, machine.scheduler(), "ep-1")

    assert (machine.table.content or b"") == (foreign or b"")
    assert saved is not None
    assert machine.job_files() == set()


def test_uninstalling_twice_changes_nothing_more(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    machine.sync().round()
    uninstall(machine.home, machine.scheduler(), "ep-1")

    assert uninstall(machine.home, machine.scheduler(), "ep-1") is None


def test_uninstalling_spares_lines_that_are_not_ours(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    machine.sync().round()
    machine.table.content = (machine.table.content or b"").replace(b"# END", b"0 4 * * * mine\n# END")

    uninstall(machine.home, machine.scheduler(), "ep-1")

    assert machine.table.content == FOREIGN + b"0 4 * * * mine\n"


def test_a_preview_shows_the_change_and_makes_none(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    before = {file for file in machine.home.directory.rglob("*") if machine.home.repo not in file.parents}

    decision, diff = machine.sync().preview()

    assert f"+{machine.line(1).decode()}" in diff.splitlines()
    assert [entry.job_id for entry in decision.plan.adds] == [job_id(1)]
    assert machine.table.writes == 0
    after = {file for file in machine.home.directory.rglob("*") if machine.home.repo not in file.parents}
    assert {file.name for file in after - before} <= {"repo", "round.lock"}


def test_a_preview_shows_what_a_terminal_would_obey_escaped(machine: Machine) -> None:
    machine.table = MemoryTable(b"# \x1b[2J \xe9\r\n")
    machine.remote.commit(manifests(1))

    _, diff = machine.sync().preview()

    assert " # \\x1b[2J \\xe9\\r" in diff.split("\n")


def test_foreign_bytes_are_the_same_after_a_thousand_rounds(machine: Machine) -> None:
    foreign = FOREIGN + b"\xff\xfe\0\r\n" + b"0 2 * * * echo %% \\% 'x'\n" * 100 + b"# end without newline"
    machine.table = MemoryTable(foreign, is_strict=False)
    machine.remote.commit(manifests(1))
    sync = machine.sync()
    sync.round()
    head = machine.remote.head()
    sync.source.head = lambda: head  # type: ignore[method-assign]  # what is asked of the forge is not what this is about
    block = machine.block(1)
    for number in range(1000):
        table = machine.table.content or b""
        machine.table.content = table.replace(b"*/5", b"*/7") if number % 2 else table.replace(b"# END CRONTOPUS ep-1\n", b"")
        sync.round()

    assert machine.table.content == foreign + b"\n" + block
    uninstall(machine.home, machine.scheduler(), "ep-1")
    assert machine.table.content == foreign


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


def test_a_line_of_ours_that_was_copied_out_of_the_block_is_left_and_warned_of(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    machine.table.content = FOREIGN + machine.line(1, "0 6 * * *") + b"\n"

    report = machine.sync().round()

    assert machine.table.content == FOREIGN + machine.line(1, "0 6 * * *") + b"\n" + machine.block(1)
    assert "outside our block that run our jobs: 1" in report.warnings[0]
