"""The minute sweep over real tables: what is due is looked at once, in order, whatever breaks off or comes twice."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.due import Ticket, rule_of
from chalicelib.domain.endpoints import Endpoint, Facts, Heartbeat
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.instances import Change, Reported, fold
from chalicelib.domain.slots import Expectation
from chalicelib.services import endpoints, sweep
from chalicelib.services.instances import Told, take_report
from chalicelib.services.sessions import Caller
from chalicelib.store import due as due_store
from chalicelib.store import endpoints as endpoint_store
from chalicelib.store import heartbeats as heartbeat_store
from chalicelib.store import instances as instance_store
from chalicelib.store import runs as run_store
from chalicelib.store import slots as slot_store
from tests.fixtures.builders import JOB_ID, NOON, run, run_id

EP = "ep-1"
FACTS = Facts("web-1", "web-1", "linux", "1.0.0", "m" * 64, "UTC", "debian")


def caller() -> Caller:
    return Caller("endpoint", "ada", EP)


def enrolled(endpoint_id: str = EP) -> None:
    endpoint_store.save(
        Endpoint("ada", endpoint_id, FACTS, NOON, NOON, None, 0, (), token_digest="t" * 64, git_token_name="git")
    )


def beat(at: datetime, oldest_unsent_at: datetime | None = None, *, is_watched: bool = False) -> None:
    """Let the endpoint speak. is_watched: the way the API takes it, so that its silence is noticed too."""
    told = Heartbeat("1.0.0", None, 0, oldest_unsent_at, at, "UTC", "debian", (), None)
    if is_watched:
        endpoints.beat(caller(), EP, told, at)
    else:
        heartbeat_store.record("ada", EP, told, at)


def confirmed(at: datetime = NOON, schedule: str | None = "*/10 * * * *", job_id: str = JOB_ID, grace_s: int = 300) -> None:
    """Let the endpoint say that this entry stands now."""
    expected = Expectation(schedule, "UTC", timedelta(seconds=grace_s), at) if schedule else None
    reported = Reported("scheduled" if schedule else "paused", "crontopus", False, None, at, expected)
    take_report(caller(), EP, [Told(job_id, "backup", "default", reported)], "d" * 64, at)


def ran(at: datetime, number: int = 1, status: str = "success") -> None:
    taken = run(number, run_id=run_id(number, at), started_at=at, finished_at=at, received_at=at, status=status)
    run_store.record(taken)
    before = instance_store.find("ada", EP, JOB_ID)
    instance_store.save_derived(before, fold(before, [Change(taken)], {}).instance)


def swept(at: datetime, owner: str = "one", time_left: timedelta = timedelta(minutes=1)) -> Mapping[str, int]:
    return sweep.sweep(lambda: at, owner, lambda: time_left, secrets.token_bytes).counts


def sweeps(since: float, until: float, *, heard: bool = True, runs: Iterable[float] = ()) -> dict[str, int]:
    """Sweep every minute, each time after a heartbeat and the runs that began before, and return all that came of it."""
    counts: dict[str, int] = {}
    waiting = sorted(runs)
    for minute in range(int(since), int(until) + 1):
        while waiting and waiting[0] < minute:
            ran(at(waiting[0]), number=int(waiting.pop(0) * 10))
        if heard:
            beat(at(minute))
        for word, count in swept(at(minute)).items():
            counts[word] = counts.get(word, 0) + count
    return counts


def noted(since: datetime = NOON - timedelta(days=1)) -> list[tuple[datetime, str]]:
    found = slot_store.list_of_job("ada", JOB_ID, since, NOON + timedelta(days=2), NOON)
    return [(one.slot.at, one.slot.state) for one in found]


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.fixture(autouse=True)
def endpoint(tables: object) -> None:
    enrolled()
    beat(NOON)


def test_a_job_that_does_not_run_is_missed_within_grace_and_two_minutes():
    confirmed()

    before = sweeps(1, 15)
    assert noted() == []
    after = sweeps(16, 16)

    assert noted() == [(at(10), "missed")]
    assert (before, after) == ({}, {"missed": 1})


def test_a_job_that_runs_is_never_missed():
    confirmed()

    assert sweeps(1, 57, runs=[10.1, 20.1, 30.1, 40.1, 50.1]) == {"on time": 5}
    assert noted() == []


def test_runs_that_came_meanwhile_save_looks():
    confirmed(schedule="* * * * *")

    looks = sweeps(1, 60, runs=[minute + 0.1 for minute in range(1, 60)])

    assert noted() == []
    assert looks == {"on time": 9}, "one look for what grace covers, not one a minute"


def test_each_missed_slot_is_noted_once_and_the_next_run_ends_it():
    confirmed()

    sweeps(1, 40, runs=[30.1])

    assert noted() == [(at(10), "missed"), (at(20), "missed")]


def test_an_offline_machine_has_unknown_slots():
    confirmed()

    sweeps(1, 20, heard=False)

    assert noted() == [(at(10), "unknown")]


def test_another_schedule_is_expected_from_when_the_endpoint_has_it():
    confirmed()
    sweeps(1, 9)
    confirmed(at(9.5), "0 0 * * *")

    assert "missed" not in sweeps(10, 40)
    assert noted() == []


def test_a_report_that_says_the_same_again_changes_nothing():
    confirmed()
    confirmed(at(12))

    sweeps(1, 17)

    assert noted() == [(at(10), "missed")]


@pytest.mark.parametrize("end", ["paused", "gone"])
def test_nothing_is_expected_of_a_job_that_is_paused_or_gone(end: str):
    confirmed()
    if end == "paused":
        confirmed(at(2), None)
    else:
        take_report(caller(), EP, [], "e" * 64, at(2))

    assert sweeps(3, 30) == {"stale": 1}


def test_a_resumed_job_is_expected_again_from_then_on():
    confirmed()
    confirmed(at(2), None)
    confirmed(at(12))

    sweeps(1, 30)

    assert noted() == [(at(20), "missed")]


def test_two_sweeps_at_once_are_one():
    confirmed()
    sweeps(1, 15)
    beat(at(16))
    lease = due_store.take_lease("other", at(16), at(17))

    assert swept(at(16)) == {"elsewhere": 1}
    assert lease is not None
    due_store.give_back(lease)
    assert swept(at(16)) == {"missed": 1}


def test_a_sweep_that_died_is_followed_by_the_next_but_one():
    confirmed()
    sweeps(1, 15)
    due_store.take_lease("dead", at(16), at(16) + sweep.LEASE)

    assert swept(at(17)) == {"elsewhere": 1}
    beat(at(18))
    assert swept(at(18)) == {"missed": 1}


def test_a_sweep_that_runs_out_of_time_goes_on_where_it_stopped():
    confirmed()
    sweeps(1, 15)
    beat(at(16))

    assert swept(at(16), time_left=timedelta(seconds=5)) == {}
    assert swept(at(17)) == {"missed": 1}


def test_forty_minutes_without_a_sweep_alarm_nobody_whose_job_ran():
    confirmed()
    sweeps(1, 8)
    for number in (1, 2, 3, 4):
        ran(at(10 * number + 0.1), number)
    beat(at(48))

    assert "missed" not in swept(at(48))
    assert "missed" not in sweeps(49, 75, runs=[50.1, 60.1, 70.1])
    assert noted() == []


def test_what_was_missed_while_nobody_swept_is_told_after_the_agents_could_report():
    confirmed(schedule="10 12 * * *")
    sweeps(1, 8)
    beat(at(48))

    assert swept(at(48)) == {"waiting": 1}
    assert "missed" not in sweeps(49, 62)
    assert sweeps(63, 65) == {"missed": 1}


def test_an_instance_that_cannot_be_judged_is_put_aside_and_the_others_are_looked_at():
    confirmed()
    broken = instance_store.find("ada", EP, JOB_ID)
    assert broken and broken.reported and broken.reported.expected
    poison = replace(broken.reported.expected, schedule="61 * * * *")
    instance_store.save_reported(replace(broken, reported=replace(broken.reported, expected=poison)))
    due_store.put(Ticket("ada", EP, JOB_ID, at(3), NOON, rule_of(poison)))

    assert swept(at(3)) == {"parked": 1}
    assert swept(at(62)) == {"stale": 1}, "the ticket of what was expected before"
    assert swept(at(63)) == {"parked": 1}


def test_a_database_that_fails_stops_the_sweep_and_the_next_one_looks_again(monkeypatch: Any):
    confirmed()
    sweeps(1, 15)
    beat(at(16))

    def failing(*_: object) -> None:
        raise Unavailable("too busy")

    with monkeypatch.context() as patched, pytest.raises(Unavailable):
        patched.setattr(slot_store, "note", failing)
        swept(at(16))

    assert noted() == []
    assert swept(at(17))["missed"] == 1


def test_an_instance_of_a_revoked_endpoint_is_not_looked_at():
    confirmed()
    found = endpoint_store.find("ada", EP)
    assert found
    endpoint_store.mark_revoked(found)

    assert sweeps(1, 17, heard=False) == {"revoked": 1}
