"""Whole rounds over Task Scheduler: a real repository, real files, and a stand-in for schtasks."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.uninstall import uninstall
from chalicelib.domain.errors import CrontopusError
from tests.fixtures.fake_schtasks import DENIED, STOPPED
from tests.fixtures.rounds import held_by, job_id, manifest, manifests, path
from tests.functional.windows.conftest import WindowsMachine

FOREIGN = '<Task xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task"><Actions><Exec><Command>a</Command></Exec></Actions></Task>'


def test_each_job_gets_a_task_in_the_folder_of_its_namespace(windows: WindowsMachine) -> None:
    windows.remote.commit({**manifests(1), path(2, "ops"): manifest(2, "30 2 * * *")})

    report = windows.sync().round()

    assert (report.added, report.managed) == (2, 2)
    assert windows.task(1).startswith("\\Crontopus\\default\\job-1-")
    assert "--guard" in windows.service.file(windows.task(2)).read_text("utf-16")
    assert windows.task(2).startswith("\\Crontopus\\ops\\job-2-")


def test_a_second_round_writes_nothing_and_finds_no_drift(windows: WindowsMachine) -> None:
    windows.remote.commit({**manifests(1), path(2): manifest(2, "0 * * * *")})
    windows.sync().round()
    windows.service.calls.clear()

    report = windows.sync().round()

    assert (report.is_written, report.drift, report.changed) == (False, (), 0)
    assert {call[0] for call in windows.service.calls} == {"/Query"}


def test_a_settled_round_does_not_even_start_schtasks(windows: WindowsMachine) -> None:
    windows.remote.commit(manifests(1))
    sync = windows.sync()
    sync.round()
    os.utime(windows.home.jobs, (0, 0))  # the job files' stamp is trusted once it is old
    sync.round()
    windows.service.calls.clear()

    sync.round()

    assert windows.service.calls == []


def test_only_the_task_that_differs_is_written(windows: WindowsMachine) -> None:
    windows.remote.commit(manifests(1, 2, 3))
    windows.sync().round()
    windows.service.calls.clear()
    windows.remote.commit({path(2): manifest(2, "0 9 * * *")})

    report = windows.sync().round()

    assert report.changed == 1
    assert [call[2] for call in windows.service.calls if call[0] == "/Create"] == [windows.task(2)]
    assert "ScheduleByDay" in windows.service.file(windows.task(2)).read_text("utf-16")


def test_a_job_that_moves_has_its_new_task_before_it_loses_the_old(windows: WindowsMachine) -> None:
    windows.remote.commit(manifests(1))
    windows.sync().round()
    old = windows.task(1)
    windows.service.calls.clear()
    windows.remote.commit({path(1): None, path(1, "ops"): manifest(1)})

    windows.sync().round()

    writes = [(call[0], call[2]) for call in windows.service.calls if call[0] != "/Query"]
    assert writes == [("/Create", windows.task(1)), ("/Delete", old)]
    assert "\\ops\\" in windows.task(1)


def test_a_paused_job_loses_its_task_and_gets_it_back(windows: WindowsMachine) -> None:
    windows.remote.commit(manifests(1, 2))
    windows.sync().round()
    windows.remote.commit({path(1): manifest(1, more="  paused: true\n")})
    windows.sync().round()
    assert windows.service.paths() == [windows.task(2)]

    windows.remote.commit({path(1): manifest(1)})
    windows.sync().round()

    assert len(windows.service.paths()) == 2


def test_the_removal_of_most_tasks_waits_for_a_person(windows: WindowsMachine) -> None:
    windows.remote.commit(manifests(*range(8)))
    windows.sync().round()
    windows.remote.commit({path(number): None for number in range(7)})

    assert held_by(windows.sync().round()) == "removals_held"
    assert len(windows.service.paths()) == 8

    windows.sync().round(allow_removals=True)

    assert windows.service.paths() == [windows.task(7)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("PT5M", "PT9M"),
        ("<DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>", ""),
        ("run-job.py", "other.py"),
        ("<Source>CRONTOPUS ep-1</Source>", ""),
    ],
)
def test_a_task_edited_by_hand_is_healed_and_said(windows: WindowsMachine, old: str, new: str) -> None:
    windows.remote.commit(manifests(1, 2))
    windows.sync().round()
    before = windows.scheduler().raw()
    windows.service.edit(windows.task(1), old, new)
    assert windows.scheduler().raw() != before

    report = windows.sync().round()

    assert report.drift == (job_id(1),)
    assert windows.scheduler().raw() == before


def test_a_task_deleted_by_hand_comes_back(windows: WindowsMachine) -> None:
    windows.remote.commit(manifests(1, 2))
    windows.sync().round()
    windows.service.file(windows.task(1)).unlink()

    assert windows.sync().round().drift == (job_id(1),)
    assert len(windows.service.paths()) == 2


def test_a_copy_of_our_task_is_taken_out(windows: WindowsMachine) -> None:
    windows.remote.commit(manifests(1, 2))
    windows.sync().round()
    ours = windows.service.paths()
    windows.service.file("\\Crontopus\\a copy").write_bytes(windows.service.file(ours[0]).read_bytes())

    windows.sync().round()

    assert windows.service.paths() == ours


def test_somebody_elses_task_in_our_folder_stays_as_it_is(windows: WindowsMachine) -> None:
    windows.remote.commit(manifests(1))
    alien = windows.service.file("\\Crontopus\\default\\mine")
    alien.parent.mkdir(parents=True)
    alien.write_text(FOREIGN, "utf-16")

    windows.sync().round()
    uninstall(windows.home, windows.scheduler(), "ep-1")

    assert windows.service.paths() == ["\\Crontopus\\default\\mine"]
    assert alien.read_text("utf-16") == FOREIGN


def test_another_agents_tasks_are_not_ours(windows: WindowsMachine) -> None:
    windows.remote.commit(manifests(1))
    windows.sync().round()
    other = WindowsMachine(windows.home, windows.service, windows.remote, windows.forge, "ep-2")
    actual = other.scheduler().raw()

    assert b'"for": "ep-1"' in actual
    windows.home.inventory.unlink()
    other.sync().round()
    assert len(windows.service.paths()) == 2


def test_one_refused_task_does_not_hold_up_the_others(windows: WindowsMachine) -> None:
    windows.remote.commit(manifests(1, 2, 3))
    windows.service.refusals["job-2"] = DENIED

    with pytest.raises(CrontopusError) as caught:
        windows.sync().round()

    assert caught.value.code == "task_denied"
    assert len(windows.service.paths()) == 2
    windows.service.refusals.clear()
    assert windows.sync().round().drift == ()
    assert len(windows.service.paths()) == 3


@pytest.mark.parametrize(
    ("code", "name"), [(STOPPED, "scheduler_stopped"), (DENIED, "task_denied"), (1, "scheduler_unreadable")]
)
def test_what_cannot_be_read_is_never_written(windows: WindowsMachine, code: int, name: str) -> None:
    windows.remote.commit(manifests(1))
    windows.service.refusals["query"] = code

    with pytest.raises(CrontopusError) as caught:
        windows.sync().round()

    assert caught.value.code == name
    assert windows.service.paths() == []


def test_what_was_replaced_is_in_a_backup_as_xml(windows: WindowsMachine) -> None:
    windows.remote.commit(manifests(1))
    windows.sync().round()
    windows.service.edit(windows.task(1), "PT5M", "PT9M")
    windows.sync().round()

    newest = sorted(windows.home.backups.glob("tasks.*.xml"))[-1]

    assert b"PT9M" in newest.read_bytes()


def test_of_an_edited_task_only_its_xml_can_be_put_back(windows: WindowsMachine) -> None:
    windows.remote.commit(manifests(1, 2))
    windows.sync().round()
    windows.service.edit(windows.task(1), "<Priority>5", "<Priority>9")
    table = windows.scheduler().raw()
    windows.sync().round()

    with pytest.raises(CrontopusError, match="Priority=9"):
        windows.scheduler().replace(windows.scheduler().raw(), table)

    assert len(windows.service.paths()) == 2


def test_a_table_from_a_backup_can_be_put_back(windows: WindowsMachine) -> None:
    windows.remote.commit(manifests(1, 2))
    windows.sync().round()
    scheduler = windows.scheduler()
    table = scheduler.raw()
    scheduler.replace(table, b"")
    assert windows.service.paths() == []

    scheduler.replace(b"", table)

    assert scheduler.raw() == table


def test_killed_at_any_step_the_next_round_ends_where_it_should(windows: WindowsMachine, tmp_path: Path) -> None:
    windows.remote.commit(manifests(1, 2, 3))
    windows.sync().round()
    windows.remote.commit({path(1): None, path(1, "ops"): manifest(1), path(2): manifest(2, "0 9 * * *"), path(4): manifest(4)})
    folders = (windows.home.directory, windows.service.folder)
    for folder in folders:
        shutil.copytree(folder, tmp_path / "kept" / folder.name)
    number, was_killed = 0, True
    while was_killed:
        number += 1
        for folder in folders:
            shutil.rmtree(folder)
            shutil.copytree(tmp_path / "kept" / folder.name, folder)
        was_killed = _dies(windows, number)
        assert {job_id(1), job_id(2), job_id(3)} <= _jobs_with_a_task(windows)
        windows.sync().round()
        assert len(windows.service.paths()) == 4
        assert set(json.loads(windows.home.inventory.read_bytes())["jobs"]) == {job_id(n) for n in (1, 2, 3, 4)}
        assert windows.sync().round().is_written is False
    assert number == 10  # nine steps, and one round that was not killed


def _jobs_with_a_task(windows: WindowsMachine) -> set[str]:
    texts = [windows.service.file(path).read_text("utf-16") for path in windows.service.paths()]
    return {job for job in map(job_id, range(5)) if any(job in text for text in texts)}


def _dies(windows: WindowsMachine, step: int) -> bool:
    """Run a round in a child that ends at its `step`-th step; tell whether it came to that."""
    pid = os.fork()
    if pid == 0:
        try:
            scheduler = windows.scheduler()
            sync = windows.sync()
            sync.scheduler = scheduler
            passed: list[str] = []

            def trace(what: str) -> None:
                passed.append(what)
                if len(passed) == step:
                    os._exit(9)

            scheduler.trace = trace
            sync.round()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9


def test_the_stand_in_answers_as_a_program_too(windows: WindowsMachine) -> None:
    windows.remote.commit(manifests(1))
    windows.sync().round()
    command = [sys.executable, "-m", "tests.fixtures.fake_schtasks", str(windows.service.folder)]

    done = subprocess.run([*command, "/Query", "/XML", "ONE", "/HRESULT"], capture_output=True, check=True, timeout=20)

    assert b"\\Crontopus\\default\\job-1-" in done.stdout
