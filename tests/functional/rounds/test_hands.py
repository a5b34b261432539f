"""People at the same table."""

import os
from pathlib import Path

import pytest

from agent.schedulers.crontab import CrontabProgram
from agent.schedulers.memory import MemoryTable
from chalicelib.domain.errors import Stalled
from tests.fixtures.fake_crontab import FakeCrontab
from tests.fixtures.rounds import FOREIGN, Machine, job_id, manifest, manifests, path


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


def test_a_line_of_ours_that_was_copied_out_of_the_block_is_left_and_warned_of(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    machine.table.content = FOREIGN + machine.line(1, "0 6 * * *") + b"\n"

    report = machine.sync().round()

    assert machine.table.content == FOREIGN + machine.line(1, "0 6 * * *") + b"\n" + machine.block(1)
    assert "outside our block that run our jobs: 1" in report.warnings[0]
