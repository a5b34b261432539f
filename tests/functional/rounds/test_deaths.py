"""Rounds that are killed, at every step that changes the disk or starts a program."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent import orders
from agent.schedulers.crontab import CrontabProgram
from chalicelib.domain.endpoints import ids_digest
from tests.fixtures.fake_crontab import FakeCrontab
from tests.fixtures.rounds import FOREIGN, NOON, Machine, job_id, manifest, manifests, path


class Doomed:
    """A machine on which the next act will be killed: its table is a file."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self.folder = folder
        self.cron = FakeCrontab(folder / "cron", FOREIGN)

    def round(self, *numbers: int) -> None:
        self.machine.remote.commit(manifests(*numbers))
        self.machine.sync(CrontabProgram(str(self.cron.program), os.environ)).round()

    def deaths(self, how: str = "heal") -> list[dict[str, Any]]:
        """Return what was found after each death, and after the round that followed it."""
        command = [sys.executable, "-m", "tests.fixtures.dying_rounds", str(self.folder), self.machine.forge.clone_url, how]
        done = subprocess.run(command, capture_output=True, check=True)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(found) > 3
        return found


@pytest.fixture
def doomed(machine: Machine, tmp_path: Path) -> Doomed:
    return Doomed(machine, tmp_path)


def tables(deaths: list[dict[str, Any]], when: str) -> set[bytes]:
    return {bytes.fromhex(death[when]) for death in deaths}


def test_killed_anywhere_the_table_is_old_or_new_and_the_next_round_converges(doomed: Doomed) -> None:
    machine = doomed.machine
    doomed.round(1, 2)
    machine.remote.commit({path(1): None, path(2): manifest(2, "1 1 * * *"), path(3): manifest(3)})

    deaths = doomed.deaths()

    new = FOREIGN + machine.block(2, 3).replace(machine.line(2), machine.line(2, "1 1 * * *"))
    assert len(deaths) > 12
    assert tables(deaths, "table") == {FOREIGN + machine.block(1, 2), new}
    assert tables(deaths, "then") == {new}
    assert {tuple(death["jobs"]) for death in deaths} == {(job_id(2), job_id(3))}
    assert {tuple(death["placed"]) for death in deaths} == {(job_id(2), job_id(3))}


def test_killed_anywhere_an_approved_removal_is_carried_out_in_the_end_and_nothing_more(doomed: Doomed) -> None:
    machine = doomed.machine
    doomed.round(1, 2)
    head = machine.remote.commit({path(1): None, path(2): None, "default/.gitkeep": b""})
    digest = ids_digest([job_id(1), job_id(2)])
    orders.hear(machine.home, "ep-1", {"approved": {"head": head, "digest": digest}})

    deaths = doomed.deaths()

    assert tables(deaths, "table") == {FOREIGN + machine.block(1, 2), FOREIGN}
    assert tables(deaths, "then") == {FOREIGN}
    assert {tuple(death["placed"]) for death in deaths} == {()}


def test_killed_anywhere_while_suspended_nothing_was_written(doomed: Doomed) -> None:
    machine = doomed.machine
    doomed.round(1, 2)
    machine.remote.commit({path(1): None, path(3): manifest(3)})
    orders.suspend(machine.home, None, NOON)

    deaths = doomed.deaths()

    assert tables(deaths, "table") | tables(deaths, "then") == {FOREIGN + machine.block(1, 2)}
    assert {tuple(death["jobs"]) for death in deaths} == {(job_id(1), job_id(2))}


@pytest.mark.parametrize("policy", ["heal", "report"])
def test_killed_anywhere_an_edit_is_told_once_and_ends_as_the_policy_says(doomed: Doomed, policy: str) -> None:
    machine = doomed.machine
    doomed.round(1, 2)
    ours, edited = FOREIGN + machine.block(1, 2), FOREIGN + machine.block(1, 2).replace(b"*/5", b"*/7", 1)
    doomed.cron.table.write_bytes(edited)

    deaths = doomed.deaths(policy)

    assert tables(deaths, "table") <= {ours, edited}
    assert tables(deaths, "then") == {ours if policy == "heal" else edited}
    assert {death["events"] for death in deaths} == {1}


def test_killed_anywhere_a_restore_leaves_one_table_or_the_other_and_suspends_before_it_writes(doomed: Doomed) -> None:
    machine = doomed.machine
    doomed.round(1, 2)
    before = FOREIGN + machine.block(1, 2)
    machine.remote.commit({path(1): None})
    doomed.round(2)
    (doomed.folder / "wanted").write_bytes(before)

    deaths = doomed.deaths("restore")

    assert tables(deaths, "table") == {before, FOREIGN + machine.block(2)}
    assert all(death["is_suspended"] for death in deaths if bytes.fromhex(death["table"]) == before)
    assert tables(deaths, "then") == {FOREIGN + machine.block(2)}
    assert {tuple(death["jobs"]) for death in deaths} == {(job_id(2),)}
