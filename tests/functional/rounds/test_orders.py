"""What people want beside the repository: removals approved from afar, rounds that write nothing."""

import os
from dataclasses import replace
from datetime import timedelta

import pytest

from agent import orders
from agent.decide import Decision
from agent.orders import Orders, Suspension
from agent.outcome import Report
from agent.sync import Sync
from chalicelib.domain.endpoints import Approval, ids_digest
from chalicelib.domain.times import to_text
from tests.fixtures.rounds import FOREIGN, NOON, Machine, held_by, job_id, manifest, manifests, path

ALL = sorted(range(20), key=str)
GONE = range(12)


@pytest.fixture
def held(machine: Machine) -> tuple[Sync, Report]:
    """Rounds on a machine with 20 jobs of which the newest commit leaves out 12, after the first round that held them."""
    machine.remote.commit(manifests(*ALL))
    sync = machine.sync()
    sync.round()
    machine.remote.commit({path(number): None for number in GONE})
    return sync, sync.round()


def approval(report: Report) -> Orders:
    return Orders(Approval(report.head, ids_digest(report.held_ids)))


def suspended(sync: Sync, *, until: timedelta | None = None) -> None:
    found = Orders(suspension=Suspension(NOON, NOON + until if until else None, "machine"))
    sync.orders = lambda: found


def test_removals_that_were_approved_from_afar_are_carried_out_though_nothing_else_changed(
    machine: Machine, held: tuple[Sync, Report]
) -> None:
    sync, report = held
    sync.orders = lambda: approval(report)

    after = sync.round()

    assert (held_by(after), after.removed, after.applied) == (None, len(GONE), machine.remote.head())
    assert machine.table.content == FOREIGN + machine.block(*range(12, 20))


def test_an_approval_is_of_one_commit(machine: Machine, held: tuple[Sync, Report]) -> None:
    sync, report = held
    machine.remote.commit({path(50): manifest(50)})
    sync.orders = lambda: approval(report)

    after = sync.round()

    assert (held_by(after), after.removed, after.added) == ("removals_held", 0, 1)


@pytest.mark.parametrize("ids", [[], [job_id(0)], [job_id(number) for number in range(13)]])
def test_an_approval_is_of_one_set_of_jobs(held: tuple[Sync, Report], ids: list[str]) -> None:
    sync, report = held
    sync.orders = lambda: Orders(Approval(report.head, ids_digest(ids)))

    assert held_by(sync.round()) == "removals_held"


def test_an_approval_that_was_used_approves_nothing_later(machine: Machine, held: tuple[Sync, Report]) -> None:
    sync, report = held
    sync.orders = lambda: approval(report)
    sync.round()
    machine.remote.commit({path(number): None for number in range(12, 20)} | {"default/.gitkeep": b""})

    assert held_by(sync.round()) == "empty_repository"


def test_an_approved_rewritten_history_is_history(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2, 3))
    sync = machine.sync()
    sync.round()
    machine.remote.commit(manifests(2, 3), is_orphan=True)
    report = sync.round()
    sync.orders = lambda: approval(report)
    sync.round()
    machine.remote.commit({path(3): None})

    assert held_by(sync.round()) is None
    assert machine.table.content == FOREIGN + machine.block(2)


def test_while_suspended_a_round_writes_nothing_and_says_what_waits(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    sync = machine.sync()
    sync.round()
    files = {file: file.stat().st_mtime_ns for file in machine.home.jobs.iterdir()}
    machine.remote.commit({path(1): None, path(2): manifest(2, "1 1 * * *"), path(3): manifest(3)})
    suspended(sync)

    report = sync.round()

    assert machine.table.content == FOREIGN + machine.block(1, 2)
    assert {file: file.stat().st_mtime_ns for file in machine.home.jobs.iterdir()} == files
    assert (report.pending, report.added, report.changed, report.removed, report.is_written) == (3, 0, 0, 0, False)
    assert [(told.job_id, told.drift, told.reason) for told in report.told] == [
        (job_id(1), True, "its removal waits, the agent is suspended"),
        (job_id(2), True, "its change waits, the agent is suspended"),
        (job_id(3), True, "its line waits, the agent is suspended"),
    ]


def test_while_suspended_a_line_edited_by_hand_stays(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    sync = machine.sync()
    sync.round()
    edited = (machine.table.content or b"").replace(b"*/5", b"*/7")
    machine.table.content = edited
    suspended(sync)
    sync.round()

    assert machine.table.content == edited


def test_an_approval_waits_for_the_end_of_a_suspension(machine: Machine, held: tuple[Sync, Report]) -> None:
    sync, report = held
    sync.orders = lambda: replace(approval(report), suspension=Suspension(NOON, None, "machine"))
    sync.round()
    assert machine.table.content == FOREIGN + machine.block(*ALL)

    sync.orders = lambda: approval(report)
    assert sync.round().removed == len(GONE)


def test_resumed_the_next_round_makes_good_for_what_waited(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    sync = machine.sync()
    suspended(sync)
    sync.round()
    sync.round()
    sync.orders = Orders

    assert sync.round().added == 1
    assert machine.table.content == FOREIGN + machine.block(1)


def test_a_suspended_round_over_what_it_knows_decides_nothing_anew(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    sync = machine.sync()
    sync.files.install()
    machine.home.jobs.mkdir(exist_ok=True)
    os.utime(machine.home.jobs, (1_700_000_000, 1_700_000_000))
    suspended(sync)
    sync.round()
    decided: list[Decision] = []
    sync._decide = lambda **more: decided.append(more)  # type: ignore[method-assign,assignment,func-returns-value]

    assert sync.round().pending == 1
    assert decided == []


def test_orders_hold_across_a_restart_and_without_network(machine: Machine) -> None:
    told = {"approved": {"head": "a", "digest": "b"}, "suspended_since": to_text(NOON), "suspended_until": None}
    orders.hear(machine.home, "ep-1", told)

    found = orders.load(machine.home, "ep-1", NOON)

    assert found == Orders(Approval("a", "b"), Suspension(NOON, None, "control plane"))
    assert orders.load(machine.home, "ep-2", NOON) == Orders()


def test_no_orders_leave_no_file_and_end_those_before(machine: Machine) -> None:
    nothing = {"approved": None, "suspended_since": None, "suspended_until": None}
    orders.hear(machine.home, "ep-1", nothing)
    assert not machine.home.orders.exists()

    orders.hear(machine.home, "ep-1", nothing | {"suspended_since": to_text(NOON)})
    orders.hear(machine.home, "ep-1", nothing)
    assert orders.load(machine.home, "ep-1", NOON) == Orders()


@pytest.mark.parametrize("told", [None, "x", {}, {"approved": 7, "suspended_since": 7}, {"suspended_since": "never"}])
def test_orders_that_cannot_be_understood_are_none(machine: Machine, told: object) -> None:
    orders.hear(machine.home, "ep-1", told)

    assert orders.load(machine.home, "ep-1", NOON) == Orders()


def test_a_suspension_for_a_while_ends_by_itself(machine: Machine) -> None:
    orders.suspend(machine.home, NOON + timedelta(hours=2), NOON)

    assert orders.load(machine.home, "ep-1", NOON + timedelta(minutes=119)).suspension
    assert orders.load(machine.home, "ep-1", NOON + timedelta(hours=2)).suspension is None


def test_a_suspension_that_cannot_be_read_any_more_still_holds(machine: Machine) -> None:
    machine.home.suspended.write_bytes(b"{")

    assert orders.load(machine.home, "ep-1", NOON).suspension


def test_the_machines_own_suspension_is_ended_on_the_machine(machine: Machine) -> None:
    orders.suspend(machine.home, None, NOON)
    orders.hear(machine.home, "ep-1", {"suspended_since": None, "approved": None})
    assert orders.load(machine.home, "ep-1", NOON).suspension

    assert orders.resume(machine.home, NOON) is True
    assert orders.resume(machine.home, NOON) is False
    assert orders.load(machine.home, "ep-1", NOON) == Orders()
