"""When nothing is removed."""

import pytest

from chalicelib.domain.errors import Stalled, Unavailable
from tests.fixtures.git_http import Special
from tests.fixtures.rounds import FOREIGN, Machine, held_by, job_id, manifest, manifests, path


@pytest.mark.parametrize(
    ("status", "code"), [(503, "git_unavailable"), (401, "git_auth"), (403, "git_auth"), (404, "source_missing")]
)
def test_when_the_forge_fails_nothing_is_touched(machine: Machine, status: int, code: str) -> None:
    machine.remote.commit(manifests(1, 2))
    machine.sync().round()
    machine.forge.status = status

    with pytest.raises((Stalled, Unavailable)) as caught:
        machine.sync().round()

    assert (caught.value.code, machine.table.content) == (code, FOREIGN + machine.block(1, 2))


def test_a_deleted_branch_touches_nothing(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    machine.sync().round()
    machine.remote.delete_branch()

    with pytest.raises(Stalled) as caught:
        machine.sync().round()

    assert (caught.value.code, machine.table.content) == ("branch_missing", FOREIGN + machine.block(1, 2))


def test_an_emptied_repository_removes_nothing_until_a_person_says_so(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    sync = machine.sync()
    sync.round()
    machine.remote.commit({path(1): None, path(2): None, "default/.gitkeep": b""})

    assert held_by(sync.round()) == "empty_repository"
    assert machine.table.content == FOREIGN + machine.block(1, 2)
    assert machine.job_files() == {job_id(1), job_id(2)}
    sync.round(allow_removals=True)
    assert (machine.table.content, machine.job_files()) == (FOREIGN, set())


def test_jobs_of_other_programs_do_not_make_an_emptied_repository_whole(machine: Machine) -> None:
    theirs = manifest(7).replace(b"name: job-7}", b"name: tidy, labels: {source: discovered}}")
    machine.remote.commit(manifests(1, 2) | {"discovered/tidy.yaml": theirs})
    sync = machine.sync()
    sync.round()
    machine.remote.commit({path(1): None, path(2): None})

    assert held_by(sync.round()) == "empty_repository"
    assert machine.table.content == FOREIGN + machine.block(1, 2)


def test_a_repository_without_any_job_is_fine_on_a_machine_that_has_none(machine: Machine) -> None:
    machine.remote.commit({"default/.gitkeep": b""})

    assert held_by(machine.sync().round()) is None
    assert (machine.table.content, machine.table.writes) == (FOREIGN, 0)


def test_removing_most_jobs_in_one_commit_is_held_while_the_rest_of_it_is_applied(machine: Machine) -> None:
    machine.remote.commit(manifests(*range(100)))
    sync = machine.sync()
    sync.round()
    change: dict[str, bytes | Special | None] = {path(number): None for number in range(60)}
    machine.remote.commit(change | {path(200): manifest(200), path(99): manifest(99, "1 1 * * *")})
    report = sync.round()

    assert (held_by(report), len(report.held_ids), report.added, report.changed, report.managed) == (
        "removals_held",
        60,
        1,
        1,
        101,
    )
    assert machine.line(0) in (machine.table.content or b"")


def test_removing_a_few_jobs_goes_through(machine: Machine) -> None:
    machine.remote.commit(manifests(*range(100)))
    sync = machine.sync()
    sync.round()
    machine.remote.commit({path(number): None for number in range(3)})
    report = sync.round()

    assert (held_by(report), report.removed, report.managed) == (None, 3, 97)


def test_after_a_force_push_adds_are_applied_and_removals_are_held(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    machine.sync().round()
    machine.remote.commit(manifests(2, 3), is_orphan=True)

    report = machine.sync().round()

    assert (held_by(report), report.added) == ("history_rewritten", 1)
    assert machine.table.content == FOREIGN + machine.block(1, 2, 3)


def test_a_rewritten_history_stays_rewritten_when_more_is_pushed_onto_it(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    machine.sync().round()
    machine.remote.commit(manifests(2), is_orphan=True)
    machine.sync().round()
    machine.remote.commit(manifests(3))

    assert held_by(machine.sync().round()) == "history_rewritten"


def test_once_approved_a_rewritten_history_is_history(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2, 3))
    machine.sync().round()
    machine.remote.commit(manifests(2, 3), is_orphan=True)
    machine.sync().round(allow_removals=True)
    machine.remote.commit({path(3): None})

    assert held_by(machine.sync().round()) is None
    assert machine.table.content == FOREIGN + machine.block(2)


def test_a_force_push_to_an_empty_tree_removes_nothing(machine: Machine) -> None:
    machine.remote.commit(manifests(1, 2))
    machine.sync().round()
    machine.remote.commit({"default/.gitkeep": b""}, is_orphan=True)

    assert held_by(machine.sync().round()) == "history_rewritten"
    assert machine.table.content == FOREIGN + machine.block(1, 2)


def test_approval_by_another_process_is_noticed(machine: Machine) -> None:
    machine.remote.commit(manifests(1))
    daemon = machine.sync()
    daemon.round()
    machine.remote.commit({path(1): None, "default/.gitkeep": b""})
    daemon.round()
    machine.sync().round(allow_removals=True)

    report = daemon.round()

    assert (held_by(report), report.managed, machine.table.content) == (None, 0, FOREIGN)
