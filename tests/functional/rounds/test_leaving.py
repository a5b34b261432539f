"""Looking without touching, and leaving no trace."""

import pytest

from agent.schedulers.memory import MemoryTable
from agent.uninstall import uninstall
from tests.fixtures.rounds import FOREIGN, Machine, job_id, manifests


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

    preview = machine.sync().preview()

    assert f"+{machine.line(1).decode()}" in preview.diff.splitlines()
    assert [entry.job_id for entry in preview.decision.plan.adds] == [job_id(1)]
    assert machine.table.writes == 0
    after = {file for file in machine.home.directory.rglob("*") if machine.home.repo not in file.parents}
    assert {file.name for file in after - before} <= {"repo", "round.lock"}


def test_a_preview_shows_what_a_terminal_would_obey_escaped(machine: Machine) -> None:
    machine.table = MemoryTable(b"# \x1b[2J \xe9\r\n")
    machine.remote.commit(manifests(1))

    diff = machine.sync().preview().diff

    assert " # \\x1b[2J \\xe9\\r" in diff.split("\n")
