"""Rounds over what has not changed: nothing is read twice, nothing is written."""

import os

from agent.schedulers.memory import MemoryTable
from agent.uninstall import uninstall
from tests.fixtures.rounds import FOREIGN, Machine, manifest, manifests, path


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


def test_one_change_reads_one_manifest(machine: Machine) -> None:
    machine.remote.commit(manifests(*range(20)))
    sync = machine.sync()
    sync.round()
    machine.remote.commit({path(3): manifest(3, "1 2 * * *")})

    report = sync.round()

    assert (report.parsed, report.changed, machine.table.writes) == (1, 1, 2)
    assert machine.line(3, "1 2 * * *") in (machine.table.content or b"")


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
