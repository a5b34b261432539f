"""Rounds below variables that people have set: a zone that the cron heeds, and whatever else reaches into our block."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.guard import guarded
from agent.here import Here
from agent.home import Home, make_private
from agent.schedulers import flavours
from agent.schedulers.base import Around
from agent.schedulers.crontab import Crontab
from agent.schedulers.memory import MemoryTable
from agent.sync import Sync
from tests.fixtures.git_http import BareRepository, serving
from tests.fixtures.rounds import Machine, job_id, manifest, path

PARIS = Here(timezone="Europe/Paris", login="ada")
NOTHING = b"# mine\n"
TOKYO = b"# mine\nCRON_TZ=Asia/Tokyo\n"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    home = Home(tmp_path / "home" / ".crontopus")
    make_private(home.directory)
    remote = BareRepository(tmp_path / "forge")
    remote.commit({path(1): manifest(1, "30 9 * * *")})
    with serving(tmp_path / "forge") as forge:
        yield Machine(home, MemoryTable(NOTHING), remote, forge)


def sync_on(machine: Machine, flavour: flavours.Flavour) -> Sync:
    sync = machine.sync()
    scheduler = sync.scheduler
    assert isinstance(scheduler, Crontab)
    scheduler.flavour = flavour
    sync.here = lambda: here(scheduler.around())
    return sync


def here(around: Around) -> Here:
    return replace(PARIS, keep=around.keep or guarded, has_reboot=around.has_reboot)


def ours(machine: Machine) -> bytes:
    (line,) = (line for line in (machine.table.content or b"").split(b"\n") if b"CRONTOPUS:" in line)
    return line


def test_a_zone_that_somebody_sets_above_our_block_does_not_move_our_jobs(machine: Machine) -> None:
    sync = sync_on(machine, flavours.CRONIE)
    sync.round()
    before = ours(machine)

    machine.table.content = (machine.table.content or b"").replace(NOTHING, TOKYO)
    report = sync.round()

    guard = json.loads((machine.home.jobs / f"{job_id(1)}.yaml").read_bytes())["more"]["guard"]
    assert before.startswith(b"30 9 * * * /")
    assert ours(machine).startswith(b"0,30 * * * * /")
    assert b"--guard" in ours(machine)
    assert (guard["zone"], report.changed, report.drift) == ("Europe/Paris", 1, ())
    assert any("CRON_TZ=Asia/Tokyo" in warning for warning in report.warnings)


def test_and_when_it_goes_the_line_is_what_it_was(machine: Machine) -> None:
    sync = sync_on(machine, flavours.CRONIE)
    sync.round()
    before = machine.table.content
    machine.table.content = (before or b"").replace(NOTHING, TOKYO)
    sync.round()

    machine.table.content = (machine.table.content or b"").replace(TOKYO, NOTHING)
    report = sync.round()

    assert (machine.table.content, report.warnings) == (before, ())


def test_the_first_round_of_a_new_agent_heeds_it_too(machine: Machine) -> None:
    machine.table.content = TOKYO

    sync_on(machine, flavours.CRONIE).round()

    assert ours(machine).startswith(b"0,30 * * * * /")


def test_a_preview_shows_the_line_that_a_round_would_write(machine: Machine) -> None:
    machine.table.content = TOKYO

    shown = sync_on(machine, flavours.CRONIE).preview().diff

    assert "+0,30 * * * * /" in shown


def test_a_cron_that_does_not_heed_it_keeps_the_plain_line_and_says_so(machine: Machine) -> None:
    machine.table.content = TOKYO

    report = sync_on(machine, flavours.DEBIAN).round()

    assert ours(machine).startswith(b"30 9 * * * /")
    assert any("does not heed it" in warning for warning in report.warnings)


def test_a_second_round_below_variables_writes_nothing(machine: Machine) -> None:
    machine.table.content = TOKYO + b"PATH=/opt/bin\n"
    sync = sync_on(machine, flavours.CRONIE)
    first = sync.round()
    writes = machine.table.writes

    second = sync.round()

    assert (machine.table.writes, second.is_written, second.warnings) == (writes, False, first.warnings)


def test_where_nothing_of_ours_stands_nothing_is_warned_of(machine: Machine) -> None:
    machine.remote.commit({path(1): manifest(1, "30 9 * * *", more="  paused: true\n")})
    machine.table.content = TOKYO

    assert sync_on(machine, flavours.CRONIE).round().warnings == ()


def test_a_job_for_the_start_of_the_machine_is_refused_where_cron_knows_none(machine: Machine) -> None:
    machine.remote.commit({path(1): manifest(1, "@reboot")})

    on_bcron = sync_on(machine, flavours.BCRON).round()
    on_busybox = sync_on(machine, flavours.BUSYBOX).round()

    assert on_bcron.managed == 0
    assert "does not know @reboot" in on_bcron.problems[0]
    assert ours(machine).startswith(b"@reboot /")
    assert on_busybox.problems == ()
