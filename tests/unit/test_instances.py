"""The fold from runs to instances: each run once, whatever the order and however often."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.domain.instances import MAX_OPEN, Change, Day, Folded, Instance, closing, days_needed, fold
from chalicelib.domain.recent import KEPT, Recent, Streak, run_key
from chalicelib.domain.runs import Run
from chalicelib.domain.tallies import Hours, Tally
from tests.fixtures.builders import JOB_ID, NOON, run, run_id, started


class Stored:
    """What the tables hold, in memory."""

    def __init__(self) -> None:
        self.instance: Instance | None = None
        self.days: dict[str, Day] = {}

    def take(self, *changes: Change | Run) -> Folded:
        wrapped = [change if isinstance(change, Change) else Change(change) for change in changes]
        wanted = days_needed(self.instance, wrapped)
        folded = fold(self.instance, wrapped, {date: self.days[date] for date in wanted if date in self.days})
        if folded.taken:
            self.days |= {day.date: replace(day, rev=day.rev + 1) for day in folded.days}
            self.instance = replace(folded.instance, rev=folded.instance.rev + 1)
        return folded

    @property
    def now(self) -> Instance:
        assert self.instance is not None
        return self.instance

    def tally(self, date: str) -> Tally:
        """What a report would count for this date."""
        if self.now.day == date:
            return self.now.today
        return self.days[date].tally if date in self.days else Tally()


def at(minutes: float, number: int = 0, **changes) -> Run:
    """A run that began, ended and arrived so many minutes after noon."""
    moment = NOON + timedelta(minutes=minutes)
    return run(
        **{"run_id": run_id(number, moment), "started_at": moment, "finished_at": moment, "received_at": moment} | changes
    )


TODAY, TOMORROW = "2026-11-20", "2026-11-21"


def test_a_run_is_counted_by_its_status():
    stored = Stored()

    stored.take(at(0), at(1, status="failure"), at(2, status="timeout"), at(3))

    assert (stored.now.today.runs, stored.now.today.successes, stored.now.today.failures) == (4, 2, 2)


def test_a_replayed_batch_changes_nothing():
    stored, batch = Stored(), [at(minute) for minute in range(60)]
    stored.take(*batch)
    before = (stored.now, dict(stored.days))

    for change in batch:
        assert stored.take(change).taken == 0

    assert (stored.now, stored.days) == before


def test_one_batch_may_come_in_any_order():
    stored, batch = Stored(), [at(minute) for minute in range(100)]
    random.Random(1).shuffle(batch)

    stored.take(*batch)

    assert (stored.now.today.runs, stored.now.streak) == (100, Streak("good", 100))


def test_a_result_takes_the_place_of_its_start():
    stored, begun = Stored(), at(0, status="running", finished_at=None)
    stored.take(begun)
    assert (stored.now.status, stored.now.today.of("running"), stored.now.open) == ("running", 1, (begun.run_id,))

    stored.take(Change(at(0, received_at=NOON + timedelta(minutes=9)), had_started=True))

    assert (stored.now.today.of("running"), stored.now.today.successes, stored.now.open) == (0, 1, ())
    assert stored.now.status is None


def test_a_start_that_arrives_after_its_result_does_not_open_the_run_again():
    stored = Stored()
    stored.take(at(0, received_at=NOON + timedelta(minutes=5)))

    stored.take(started(run_id=run_id(0)))

    assert (stored.now.open, stored.now.today.runs) == ((), 1)


def test_a_day_that_turns_is_closed_once_and_the_next_begins():
    stored = Stored()
    stored.take(at(0), at(1, status="failure"))

    folded = stored.take(at(12 * 60))

    assert [(day.date, day.tally.runs) for day in folded.days] == [(TODAY, 2)]
    assert (stored.now.day, stored.now.today.runs) == (TOMORROW, 1)


def test_a_run_of_a_closed_day_is_counted_there():
    stored = Stored()
    stored.take(at(0))
    stored.take(at(12 * 60))

    late = at(5, received_at=NOON + timedelta(days=1))
    stored.take(late)
    stored.take(late)

    assert (stored.tally(TODAY).runs, stored.tally(TOMORROW).runs) == (2, 1)


def test_a_try_that_broke_off_after_the_day_was_written_is_repeated_without_counting_twice():
    stored = Stored()
    stored.take(at(0))
    stored.take(at(12 * 60))
    late = at(5, received_at=NOON + timedelta(days=1))
    instance = stored.now
    stored.take(late)

    stored.instance = instance
    stored.take(late)

    assert stored.tally(TODAY).runs == 2


def test_a_run_across_midnight_belongs_to_the_day_it_began():
    stored = Stored()
    stored.take(at(11 * 60, 1, status="running", finished_at=None))
    stored.take(at(13 * 60, 2))

    stored.take(Change(at(11 * 60, 1, received_at=NOON + timedelta(hours=14)), had_started=True))

    assert (stored.tally(TODAY).of("running"), stored.tally(TODAY).successes) == (0, 1)


def test_an_instance_that_was_removed_and_comes_back_the_same_day_goes_on_counting():
    stored = Stored()
    stored.take(at(0), at(1))
    closed = closing(stored.now, None)
    assert closed
    stored.days, stored.instance = {closed.date: closed}, None

    stored.take(at(1), at(2))

    assert stored.tally(TODAY).runs == 3


def test_an_instance_that_was_reported_before_its_runs_came_back_still_knows_what_was_counted():
    stored = Stored()
    stored.take(at(0), at(1))
    closed = closing(stored.now, None)
    assert closed
    stored.days, stored.instance = {closed.date: closed}, Instance("ada", "ep-1", JOB_ID, "backup", "default")

    stored.take(at(2))
    stored.take(at(0))
    stored.take(at(1))

    assert stored.tally(TODAY).runs == 3


def test_the_last_run_is_the_one_that_began_last():
    stored = Stored()
    stored.take(at(5, job_name="new"), at(1, job_name="old", received_at=NOON + timedelta(minutes=9)))

    assert stored.now.last and stored.now.last.started_at == NOON + timedelta(minutes=5)
    assert stored.now.job_name == "new"


@pytest.mark.parametrize("count", [1, KEPT, KEPT + 1, 100])
def test_a_streak_is_as_long_as_the_results_in_a_row_that_ended_alike(count):
    stored = Stored()
    stored.take(at(0, status="success"), *(at(1 + number, status="failure") for number in range(count)))

    assert stored.now.streak == Streak("bad", count)


def test_a_late_result_of_the_other_kind_shortens_the_streak_to_what_came_after_it():
    stored = Stored()
    stored.take(*(at(number) for number in range(10)))

    stored.take(at(6.5, status="timeout", received_at=NOON + timedelta(minutes=11)))

    assert stored.now.streak == Streak("good", 3)


def test_what_was_skipped_or_cancelled_does_not_end_a_streak():
    stored = Stored()
    stored.take(at(0), at(1, status="skipped"), at(2, status="cancelled"), at(3))

    assert stored.now.streak == Streak("good", 2)


def test_starts_without_room_stay_counted_until_they_end():
    stored = Stored()
    starts = [at(number, number, status="running", finished_at=None) for number in range(MAX_OPEN + 2)]
    stored.take(*starts)
    assert (len(stored.now.open), stored.now.lost, stored.now.today.of("running")) == (MAX_OPEN, 2, MAX_OPEN + 2)

    for number in range(MAX_OPEN + 2):
        stored.take(Change(at(number, number, received_at=NOON + timedelta(hours=1, minutes=number)), had_started=True))

    assert (stored.now.open, stored.now.lost, stored.now.today.of("running")) == ((), 0, 0)
    assert stored.now.today.successes == MAX_OPEN + 2


def test_the_last_25_hours_are_counted_by_hour():
    stored = Stored()
    stored.take(*(at(60 * hour) for hour in range(30)))

    hour = int((NOON + timedelta(hours=29)).timestamp()) // 3600

    assert [stored.now.hours.since(hour - back).runs for back in (0, 1, 24, 29)] == [1, 2, 25, 25]


events = st.lists(
    st.tuples(st.integers(0, 2000), st.sampled_from(["success", "failure", "timeout", "skipped", "open"])),
    min_size=1,
    max_size=13,
)


@given(events, st.randoms(use_true_random=False), st.integers(1, 5))
def test_any_order_and_any_repetition_ends_the_same(kinds, chance: random.Random, size: int):
    changes = []
    for number, (minute, kind) in enumerate(kinds):
        arrived = NOON + timedelta(days=2, seconds=number)
        has_start = len([change for change in changes if not change.run.is_finished]) < MAX_OPEN and number % 2 == 0
        begun = at(minute, number, status="running", finished_at=None, received_at=arrived)
        if has_start:
            changes.append(Change(begun))
        if kind == "open":
            continue
        ended = at(minute, number, status=kind, received_at=arrived + timedelta(milliseconds=1))
        changes.append(Change(ended, had_started=has_start))
    assume(changes)
    in_order = Stored()
    in_order.take(*changes)
    shuffled = [*changes, *chance.choices(changes, k=len(changes))]
    chance.shuffle(shuffled)
    in_pieces = Stored()
    while shuffled:
        in_pieces.take(*shuffled[:size])
        del shuffled[:size]

    assert view(in_pieces) == view(in_order)


def view(stored: Stored) -> object:
    """What of it is shown; how it is spread over instance and days is not."""
    now = stored.now
    tallies = {date: stored.tally(date) for date in {now.day, *stored.days}}
    shown = (now.last, now.last_success_at, now.last_failure_at, now.streak, now.recent.results, now.hours, now.lost)
    return tallies, shown, now.open


@given(events)
def test_what_is_packed_comes_back(kinds):
    recent, hours, tally = Recent(), Hours(), Tally()
    for number, (minute, kind) in enumerate(kinds * 3):
        taken = at(minute, number, status="running" if kind == "open" else kind)
        recent = recent.taking(taken)
        hours = hours.counting(minute // 60 + 500_000, taken.status, was_open=False)
        tally = tally.counting(taken.status, minute, was_open=False)

    assert Recent.from_bytes(recent.to_bytes()) == recent
    assert Hours.from_bytes(hours.to_bytes()) == hours
    assert Tally.from_text(tally.to_text()) == tally


def test_runs_of_the_same_millisecond_are_told_apart():
    assert run_key(run_id(1)) != run_key(run_id(2))


def test_no_counter_goes_below_nothing():
    assert Tally().counting("success", None, was_open=True).of("running") == 0
