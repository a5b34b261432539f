"""Lines of ours that somebody else changed: healed, left or offered, and told once."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent import driftlog
from agent.drift import Policy
from agent.schedulers.memory import MemoryTable
from agent.sync import Sync
from agent.uninstall import uninstall
from chalicelib.domain.errors import Invalid, Unavailable
from tests.fixtures.rounds import FOREIGN, Machine, job_id, manifest, manifests, path

Edit = Callable[[Machine], bytes]


def edited(machine: Machine) -> bytes:
    return FOREIGN + machine.block(1, 2).replace(b"*/5", b"*/7", 1)


def removed(machine: Machine) -> bytes:
    return FOREIGN + machine.block(2)


def commented(machine: Machine) -> bytes:
    return FOREIGN + machine.block(1, 2).replace(b"*/5", b"#*/5", 1)


def doubled(machine: Machine) -> bytes:
    return FOREIGN + machine.block(1, 1, 2)


def moved(machine: Machine) -> bytes:
    return machine.line(1) + b"\n" + FOREIGN + machine.block(2)


def moved_and_edited(machine: Machine) -> bytes:
    return FOREIGN + machine.line(1, "0 6 * * *") + b"\n" + machine.block(2)


EDITS = [edited, removed, commented, doubled, moved, moved_and_edited]


def drifting(machine: Machine, edit: Edit, policy: Policy = "heal") -> Sync:
    """Return rounds on a machine whose table somebody has edited since the last one."""
    machine.remote.commit(manifests(1, 2))
    sync = machine.sync()
    sync.policy = policy
    sync.round()
    machine.table.content = edit(machine)
    return sync


def events(machine: Machine) -> list[dict[str, Any]]:
    return [json.loads(file.read_bytes()) for file in sorted(machine.home.drift.glob("*.json"))]


@pytest.mark.parametrize("edit", EDITS)
def test_healed_the_table_is_what_we_wrote_and_the_edit_an_event(machine: Machine, edit: Edit) -> None:
    report = drifting(machine, edit).round()

    assert sorted((machine.table.content or b"").splitlines()) == sorted((FOREIGN + machine.block(1, 2)).splitlines())
    assert (machine.table.content or b"").startswith(FOREIGN)
    assert report.drift == (job_id(1),)
    (event,) = events(machine)
    assert (event["job_id"], event["done"], event["before"]) == (job_id(1), "healed", machine.line(1).decode())


def test_a_healed_job_says_what_had_happened_and_when(machine: Machine) -> None:
    told = drifting(machine, edited).round().told[0]

    words = "edited by hand: */7 * * * *, was */5 * * * *; mended 2026-11-20T12:00:00.000Z"
    assert (told.drift, told.reason) == (False, words)


@pytest.mark.parametrize("policy", ["report", "adopt"])
@pytest.mark.parametrize("edit", EDITS)
def test_left_the_table_stays_as_it_was_edited_and_the_instance_says_so(machine: Machine, edit: Edit, policy: Policy) -> None:
    sync = drifting(machine, edit, policy)

    reports = [sync.round(), machine_again(machine, policy).round(), sync.round()]

    assert machine.table.content == edit(machine)
    assert machine.table.writes == 1
    assert machine.job_files() == {job_id(1), job_id(2)}
    assert [[(told.job_id, told.drift) for told in report.told] for report in reports] == [
        [(job_id(1), True), (job_id(2), False)]
    ] * 3
    assert len(events(machine)) == 1


def machine_again(machine: Machine, policy: Policy) -> Sync:
    """Return rounds of an agent that was started anew."""
    sync = machine.sync()
    sync.policy = policy
    return sync


@pytest.mark.parametrize("edit", EDITS)
def test_what_was_left_ends_when_the_manifest_changes(machine: Machine, edit: Edit) -> None:
    sync = drifting(machine, edit, "report")
    sync.round()
    machine.remote.commit({path(1): manifest(1, "1 2 * * *")})
    sync.round()
    wanted = machine.line(1, "1 2 * * *")

    lines = [line for line in (machine.table.content or b"").splitlines() if job_id(1).encode() in line]
    assert lines == [wanted]
    assert sync.round().told[0].drift is False


@pytest.mark.parametrize("edit", EDITS)
def test_what_was_left_ends_when_the_line_is_put_back(machine: Machine, edit: Edit) -> None:
    sync = drifting(machine, edit, "report")
    sync.round()
    machine.table.content = FOREIGN + machine.block(1, 2)
    report = sync.round()

    assert [told.drift for told in report.told] == [False, False]
    assert machine.table.writes == 1
    machine.table.content = edit(machine)
    sync.round()
    assert len(events(machine)) == 1


@pytest.mark.parametrize("edit", EDITS)
def test_what_was_left_leaves_with_its_job(machine: Machine, edit: Edit) -> None:
    sync = drifting(machine, edit, "report")
    sync.round()
    machine.remote.commit({path(1): None})
    sync.round()

    assert job_id(1).encode() not in (machine.table.content or b"")
    assert machine.job_files() == {job_id(2)}


@pytest.mark.parametrize("edit", EDITS)
def test_what_was_left_goes_with_an_uninstall(machine: Machine, edit: Edit) -> None:
    drifting(machine, edit, "report").round()
    uninstall(machine.home, machine.scheduler(), "ep-1")

    assert machine.table.content == FOREIGN


@pytest.mark.parametrize("edit", EDITS)
def test_healing_begins_where_leaving_ended(machine: Machine, edit: Edit) -> None:
    sync = drifting(machine, edit, "report")
    sync.round()
    machine_again(machine, "heal").round()

    assert sorted((machine.table.content or b"").splitlines()) == sorted((FOREIGN + machine.block(1, 2)).splitlines())


def test_another_edit_of_a_line_that_was_left_is_another_event(machine: Machine) -> None:
    sync = drifting(machine, edited, "report")
    sync.round()
    machine.table.content = edited(machine).replace(b"*/7", b"*/8")
    sync.round()

    assert sorted(str(event["after"])[:3] for event in events(machine)) == ["*/7", "*/8"]


def test_a_comment_that_calls_our_job_outside_the_block_is_nobodys_job(machine: Machine) -> None:
    sync = drifting(machine, lambda machine: b"#" + machine.line(1) + b"\n" + FOREIGN + machine.block(2))
    sync.round()

    assert machine.table.content == b"#" + machine.line(1) + b"\n" + FOREIGN + machine.block(2, 1)


def test_a_copy_beside_the_line_in_the_block_is_not_ours_to_remove(machine: Machine) -> None:
    table = machine.line(1, "0 6 * * *") + b"\n" + FOREIGN + machine.block(1, 2)
    sync = drifting(machine, lambda _: table)
    report = sync.round()

    assert machine.table.content == table
    assert "outside our block that run our jobs: 1" in report.warnings[0]


@pytest.mark.parametrize(
    ("edit", "done", "schedule"),
    [(edited, "adopt", "*/7 * * * *"), (removed, "adopt", None), (commented, "adopt", None), (doubled, "left", None)],
)
def test_an_edit_is_offered_for_adoption_if_it_is_a_schedule_or_a_pause(
    machine: Machine, edit: Edit, done: str, schedule: str | None
) -> None:
    drifting(machine, edit, "adopt").round()

    (event,) = events(machine)
    assert (event["done"], event["schedule"], event["path"]) == (done, schedule, path(1))


def test_an_adopted_edit_is_no_drift_any_more(machine: Machine) -> None:
    sync = drifting(machine, edited, "adopt")
    sync.round()
    machine.remote.commit({path(1): manifest(1, "*/7 * * * *")})
    report = sync.round()

    assert (machine.table.content, machine.table.writes) == (edited(machine), 1)
    assert [told.drift for told in report.told] == [False, False]


def test_an_event_is_written_before_the_table_is(machine: Machine) -> None:
    sync = drifting(machine, edited)
    seen: list[int] = []

    class Watching(MemoryTable):
        def install(self, file: Path) -> None:
            seen.append(len(events(machine)))
            super().install(file)

    sync.scheduler = machine.scheduler(Watching(machine.table.content))
    sync.round()

    assert seen == [1]


class Plane:
    """Takes events, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.taken: list[dict[str, Any]] = []

    def __call__(self, body: Mapping[str, object]) -> Mapping[str, Any]:
        if self.error:
            raise self.error
        self.taken += body["events"]  # type: ignore[arg-type,operator]
        return {"results": []}


def test_an_event_is_told_until_it_was_taken_with_one_id(machine: Machine) -> None:
    drifting(machine, edited).round()
    (event,) = events(machine)
    with pytest.raises(Unavailable):
        driftlog.send_once(machine.home.drift, Plane(Unavailable("down", code="api_unavailable")))

    plane = Plane()
    assert [driftlog.send_once(machine.home.drift, plane) for _ in range(2)] == [1, 0]
    assert plane.taken == [event]


def test_an_event_nobody_understands_stands_in_nobodys_way(machine: Machine) -> None:
    drifting(machine, edited).round()

    assert driftlog.send_once(machine.home.drift, Plane(Invalid("what is this"))) == 1
    assert events(machine) == []


def test_without_drift_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert driftlog.send_once(tmp_path / "drift", Plane()) == 0
