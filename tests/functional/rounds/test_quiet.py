"""Rounds over what has not changed: nothing is read twice, nothing is written."""

import os

from agent.schedulers.memory import MemoryTable
from agent.uninstall import uninstall
from tests.fixtures.odd_table import odd_table
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


def test_nine_thousand_foreign_lines_with_every_odd_byte_outlast_rounds_and_torn_blocks(machine: Machine) -> None:
    foreign = odd_table()
    assert set(range(1, 256)) == set(foreign)
    machine.table = MemoryTable(foreign, is_strict=False)
    machine.remote.commit(manifests(1))
    sync = machine.sync()
    sync.round()
    head = machine.remote.head()
    sync.source.head = lambda: head  # type: ignore[method-assign]  # what is asked of the forge is not what this is about
    line = machine.line(1)
    # `python -m tests.bench.endurance` makes a thousand rounds, with a crontab that is a file.
    for number in range(20):
        table = machine.table.content or b""
        torn = table.replace(b"# END CRONTOPUS ep-1\n", b"")
        machine.table.content = table.replace(line, b"7 " + line) if number % 2 else torn
        sync.round()

    assert machine.table.content == foreign + b"\n" + machine.block(1)
    uninstall(machine.home, machine.scheduler(), "ep-1")
    assert machine.table.content == foreign
