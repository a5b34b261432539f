"""How a check stands, by its last ping, its schedule and the time. Source of the rules: healthchecks, and docs/ping.md."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain import checks
from chalicelib.domain.checks import Check, Definition, Flip, Start, State
from tests.fixtures.builders import JOB_ID, NOON, run_id

DEFINITION = Definition(
    "ada", JOB_ID, "default", "backup", "backup", "default/backup.yaml", "a" * 40, period_s=3600, grace_s=600
)
UP = State(count=1, last_ping_at=NOON, result="up", flips=(Flip(NOON, True),))


def check(state: State = UP, **definition: object) -> Check:
    return Check(replace(DEFINITION, **definition), state)


def minutes(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


@pytest.mark.parametrize(
    ("at", "status"), [(0, "up"), (59.9, "up"), (60, "grace"), (69.9, "grace"), (70, "down"), (10_000, "down")]
)
def test_silence_brings_a_check_down_after_period_and_grace(at, status):
    assert checks.status(check(), minutes(at)) == status


def test_a_check_that_was_never_pinged_is_new_for_ever():
    assert checks.status(check(State()), minutes(10_000)) == "new"


def test_a_failure_brings_it_down_at_once():
    assert checks.status(check(replace(UP, result="down")), NOON) == "down"


def test_a_run_that_does_not_end_in_its_grace_time_brings_it_down():
    begun = replace(UP, open=Start(run_id(), None))

    assert [checks.status(check(begun), minutes(at)) for at in (9, 10)] == ["up", "down"]


def test_the_first_run_that_does_not_end_brings_a_new_check_down():
    assert checks.status(check(State(open=Start(run_id(), None))), minutes(10)) == "down"


def test_a_paused_check_does_not_go_down():
    assert checks.status(check(is_paused=True), minutes(10_000)) == "paused"


def test_a_check_that_a_ping_resumed_is_not_paused():
    assert checks.status(check(replace(UP, is_resumed=True), is_paused=True), NOON) == "up"


def test_a_schedule_counts_in_its_zone():
    daily = check(schedule="0 8 * * *", zone="Europe/Paris", period_s=None)

    assert checks.due_at(daily) == datetime(2026, 11, 21, 7, tzinfo=UTC)


@pytest.mark.parametrize("schedule", ["@reboot", None])
def test_a_check_that_is_never_due_stays_up(schedule):
    assert checks.status(check(schedule=schedule, period_s=None), minutes(100_000)) == "up"


def test_silence_and_the_ping_that_ends_it_are_two_flips():
    assert checks.flips_after(check(), minutes(100), is_up=True) == (
        Flip(NOON, True),
        Flip(minutes(70), False),
        Flip(minutes(100), True),
    )


def test_a_ping_in_time_is_no_flip():
    assert checks.flips_after(check(), minutes(65), is_up=True) == UP.flips


def test_silence_is_a_flip_before_any_ping_ends_it():
    assert checks.flips_until(check(), minutes(70)) == (Flip(NOON, True), Flip(minutes(70), False))


def test_only_the_newest_flips_are_kept():
    many = replace(UP, flips=tuple(Flip(minutes(n), n % 2 == 0) for n in range(39)))

    assert len(checks.flips_after(check(many), minutes(100), is_up=True)) == checks.MAX_FLIPS


def test_a_pause_forgets_the_open_run_and_its_end_everything_that_was_expected():
    begun = replace(UP, open=Start(run_id(), None))
    paused = replace(DEFINITION, is_paused=True)

    during = checks.followed(begun, DEFINITION, paused, is_settled=True)
    later = checks.followed(during, paused, DEFINITION, is_settled=True)

    assert during.open is None
    assert (later.last_ping_at, later.result, later.count) == (None, None, 1)


def test_a_pause_that_a_ping_has_ended_keeps_its_ping_when_git_agrees():
    paused = replace(DEFINITION, is_paused=True)

    assert checks.followed(replace(UP, is_resumed=True), paused, DEFINITION, is_settled=True) == UP


@pytest.mark.parametrize("is_settled", [True, False])
def test_a_pause_that_a_ping_has_ended_comes_back_only_if_it_is_meant(is_settled):
    paused = replace(DEFINITION, is_paused=True)

    after = checks.followed(replace(UP, is_resumed=True), paused, replace(paused, sha="b" * 40), is_settled=is_settled)

    assert after.is_resumed is not is_settled


def test_a_unique_key_is_made_as_healthchecks_makes_it():
    # SHA-1 of the first half of the hex digits.
    assert checks.unique_key("5f0c7f0e-0d7c-4c5e-9a52-7d2d6f4b1c11") == "6b80168672eb22d4f8998bf14a7301c99ba1a749"
