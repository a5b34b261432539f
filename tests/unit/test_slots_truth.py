"""A machine whose truth is known, seen through heartbeats and deliveries: no silence is false, and no alarm."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain import slots
from chalicelib.domain.endpoints import HEARTBEAT_GRACE
from chalicelib.domain.slots import Expectation, Seen, Slot, Standing

BEGIN = datetime(2026, 3, 28, 22, 0, tzinfo=UTC)  # the clocks of Paris change in the night that follows
GRACE = timedelta(minutes=5)
STEP = timedelta(seconds=30)
STEPS = 2 * 60 * 6
Spans = list[tuple[int, int]]


@dataclass(frozen=True)
class Truth:
    """delays: slot's place -> after how many seconds its run begins, None if it does not.

    off, cut: steps in which the machine is off, or has no network.
    """

    delays: Mapping[int, int | None]
    off: Spans
    cut: Spans

    def runs(self, expected: Expectation) -> dict[datetime, Seen]:
        found = {}
        for place, slot in enumerate(slots.moments(expected, BEGIN)):
            if slot > BEGIN + STEPS * STEP:
                return found
            delay = self.delays.get(place, 1)
            if delay is not None and not _within(self.off, slot):
                found[slot] = Seen(f"run {place:03}", slot + timedelta(seconds=delay), "success")
        raise AssertionError("schedules go on for ever")


def _within(spans: Spans, moment: datetime) -> bool:
    return any(BEGIN + first * STEP <= moment < BEGIN + last * STEP for first, last in spans)


def evaluated(truth: Truth, expected: Expectation) -> Iterator[tuple[datetime, Slot, datetime]]:
    """Yield each decision with the moment it was made and the last heartbeat before it."""
    runs = sorted(truth.runs(expected).values(), key=lambda run: run.began_at)
    delivered = 0
    heard, unsent, after, look = BEGIN, None, BEGIN, BEGIN
    for step in range(STEPS):
        now = BEGIN + step * STEP
        if not _within(truth.off + truth.cut, now):
            told = [run for run in runs[delivered : delivered + 10] if run.began_at < now - STEP]
            # A backlog takes a moment: a heartbeat comes before it, and ten runs a step are delivered.
            heard, unsent = now, told[0].began_at if told else None
            delivered += len(told)
        if step % 2 == 0 and now >= look:
            standing = Standing(heard, now - heard > HEARTBEAT_GRACE, unsent)
            found = slots.settle(expected, after, runs[max(0, delivered - 30) : delivered], standing, now)
            yield from ((now, slot, heard) for slot in found.slots)
            after, look = found.through, found.look_at or now


spans = st.lists(st.tuples(st.integers(0, STEPS), st.integers(1, 120)).map(lambda s: (s[0], s[0] + s[1])), max_size=3)
truths = st.builds(
    Truth,
    delays=st.dictionaries(st.integers(0, 60), st.none() | st.integers(0, 520), max_size=25),
    off=spans,
    cut=spans,
)
schedules = st.sampled_from(["* * * * *", "*/10 * * * *", "30 * * * *", "15 2 * * *"])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(truth=truths, schedule=schedules)
def test_what_is_said_of_a_slot_is_true(truth: Truth, schedule: str):
    expected = Expectation(schedule, "Europe/Paris", GRACE, BEGIN)
    runs = truth.runs(expected)
    every_minute = schedule == "* * * * *"

    decided = list(evaluated(truth, expected))

    for now, slot, heard in decided:
        run = runs.get(slot.at)
        ran_in_time = run is not None and run.began_at <= slot.at + GRACE
        if slot.state == "missed":
            assert not ran_in_time or every_minute, "a run began in time"
            assert heard >= slot.at + GRACE, "nothing was heard since"
        if slot.state == "ok" and not every_minute:
            assert ran_in_time
        assert now >= slots.look_at(expected, slot.at)
    assert [slot.at for _, slot, _ in decided] == sorted({slot.at for _, slot, _ in decided}), "each once, in order"


@settings(max_examples=20, deadline=None, derandomize=True)
@given(delays=st.dictionaries(st.integers(0, 60), st.none() | st.integers(0, 500), max_size=25))
def test_on_a_machine_that_lives_every_miss_is_told_within_two_minutes_of_grace(delays: dict[int, int | None]):
    expected = Expectation("*/10 * * * *", "Europe/Paris", GRACE, BEGIN)
    runs = Truth(delays, [], []).runs(expected)
    missing = {place for place, delay in delays.items() if delay is None or delay > GRACE.total_seconds()}

    told = {slot.at: (now, slot.state) for now, slot, _ in evaluated(Truth(delays, [], []), expected)}

    for place, slot in enumerate(slots.moments(expected, BEGIN)):
        if slots.look_at(expected, slot) > BEGIN + (STEPS - 2) * STEP:
            return
        now, state = told[slot]
        assert (state in ("missed", "late")) == (place in missing), (slot, state, runs.get(slot))
        assert now <= slot + GRACE + timedelta(minutes=2)
