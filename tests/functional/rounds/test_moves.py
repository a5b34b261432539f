"""One job, one line, through everything that may happen to where it is defined and for whom."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.here import Here
from agent.home import Home, make_private
from agent.schedulers.memory import MemoryTable
from tests.fixtures.git_http import Special
from tests.fixtures.rounds import FOREIGN, Machine, held_by, job_id, manifest, manifests, path

HERE = Here(timezone="UTC", login="ada", labels={"role": "db"}, facts={"platform": "linux", "name": "web-1"})
FOR_DB = "  agent: {selector: {role: db}}\n"
FOR_WEB_1 = "  agent: {selector: {name: web-1}}\n"


class Watched(MemoryTable):
    """Remembers each table that was ever in place."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.seen: list[bytes] = []

    def install(self, file: Path) -> None:
        super().install(file)
        self.seen.append(self.content or b"")

    def clear(self) -> None:
        super().clear()
        self.seen.append(b"")


def renamed(number: int, more: str = "", schedule: str = "*/5 * * * *") -> bytes:
    return manifest(number, schedule, more).replace(f"name: job-{number}".encode(), b"name: another")


@pytest.mark.parametrize(
    "change",
    [
        {path(1): None, "default/another.yaml": renamed(1)},
        {path(1): None, path(1, "ops"): manifest(1)},
        {path(1): None, "ops/another.yaml": renamed(1, FOR_WEB_1)},
        {path(1): None, "ops/deep/another.yaml": renamed(1, FOR_WEB_1, "1 2 * * *")},
        {path(1): manifest(1, more=FOR_WEB_1)},
    ],
    ids=["renamed", "moved", "renamed, moved and selected otherwise", "all of that and at another time", "selected otherwise"],
)
def test_a_job_that_moves_has_one_line_at_every_moment(machine: Machine, change: dict[str, bytes | Special | None]) -> None:
    machine.remote.commit(manifests(2) | {path(1): manifest(1, more=FOR_DB)})
    table = Watched(FOREIGN)
    sync = machine.sync(table)
    sync.here = lambda: HERE
    sync.round()
    machine.remote.commit(change)

    report = sync.round()

    assert all(seen.count(job_id(1).encode()) == 1 for seen in table.seen)
    assert (report.added, report.removed, held_by(report)) == (0, 0, None)
    assert machine.job_files() == {job_id(1), job_id(2)}
    assert [(told.job_id, told.drift) for told in report.told] == [(job_id(1), False), (job_id(2), False)]


def test_a_job_that_changes_machines_leaves_one_as_it_comes_to_the_other(machine: Machine) -> None:
    machine.remote.commit(manifests(2) | {path(1): manifest(1, more=FOR_DB)})
    here, there = (machine.sync(), Machine(machine.home, MemoryTable(b""), machine.remote, machine.forge))
    here.here = lambda: HERE
    here.round()
    machine.remote.commit({path(1): None, path(1, "ops"): manifest(1, more="  agent: {selector: {role: web}}\n")})
    report = here.round()

    assert machine.table.content == FOREIGN + machine.block(2)
    assert (report.elsewhere, held_by(report)) == (1, None)
    elsewhere = there.sync()
    elsewhere.here = lambda: replace(HERE, labels={"role": "web"})
    assert elsewhere.round().managed == 2


def test_a_job_keeps_its_file_and_so_its_history_while_it_moves(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    sync = machine.sync()
    sync.round()
    kept = machine.home.jobs / f"{job_id(1)}.yaml"
    seen: list[Any] = []

    class Watching(MemoryTable):
        def install(self, file: Path) -> None:
            seen.append(kept.exists())
            super().install(file)

    sync.scheduler = machine.scheduler(Watching(machine.table.content))
    machine.remote.commit({path(1): None, "ops/another.yaml": renamed(1, "", "1 2 * * *")})
    sync.round()

    assert seen == [True]
    assert b'"another"' in kept.read_bytes()


def test_another_id_in_a_file_is_another_job_and_the_former_one_leaves(machine: Machine) -> None:
    machine.remote.commit(manifests(*range(1, 9)))
    sync = machine.sync()
    sync.round()
    machine.remote.commit({path(1): manifest(50)})
    report = sync.round()

    assert (report.added, report.removed, held_by(report)) == (1, 1, None)
    assert machine.placed() == {job_id(number) for number in (*range(2, 9), 50)}


def test_an_id_that_stands_twice_stays_with_the_file_that_had_it(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    sync = machine.sync()
    sync.round()
    machine.remote.commit({"a/copy.yaml": manifest(1, "1 1 1 1 1")})
    report = sync.round()

    assert machine.table.content == FOREIGN + machine.block(1)
    assert "belongs to default/job-1.yaml" in report.problems[0]


def test_two_folders_of_one_user_keep_to_their_own_blocks(machine: Machine, tmp_path: Path) -> None:
    machine.remote.commit(manifests(1))
    other = Machine(Home(tmp_path / "second" / ".crontopus"), machine.table, machine.remote, machine.forge, "ep-2")
    make_private(other.home.directory)
    first, second = machine.sync(), other.sync()
    for _ in range(2):
        first.round()
        second.round()
    tables = machine.table.content or b""

    # Whoever wrote last comes last; after that neither finds anything to do.
    mine, theirs = machine.block(1), other.block(1).replace(b"ep-1", b"ep-2")
    assert sorted([tables.index(mine), tables.index(theirs)])[0] == len(FOREIGN)
    assert len(tables) == len(FOREIGN) + len(mine) + len(theirs)
    writes = machine.table.writes
    first.round()
    second.round()
    assert machine.table.writes == writes
