"""Which run belongs to which slot, and what silence means."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain import slots
from chalicelib.domain.runs import RunStatus
from chalicelib.domain.slots import Expectation, Seen, Settled, Slot, Standing, Window

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GRACE = timedelta(minutes=5)
LOOK = GRACE + slots.DELIVERY


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def expecting(schedule: str = "*/10 * * * *", **more: object) -> Expectation:
    return Expectation(**{"schedule": schedule, "zone": "UTC", "grace": GRACE, "since": at(-1440), **more})  # type: ignore[arg-type]


def run(minutes: float, status: RunStatus = "success", *, was_alone: bool = True) -> Seen:
    return Seen(f"run at {minutes}", at(minutes), status, was_alone)


def alive(heard: float = 9, **more: object) -> Standing:
    return Standing(**{"heard_at": at(heard), **more})  # type: ignore[arg-type]


def look(runs: Sequence[Seen] = (), standing: Standing | None = None, now: float = 9) -> Settled:
    """Return what is decided about noon, ten minutes after the slot before it."""
    return slots.settle(expecting(), at(-10), runs, standing or alive(), at(now))


def state(found: Settled) -> str:
    return " ".join(slot.state for slot in found.slots)


@pytest.mark.parametrize("began, status, expected", [
    (0.02, "success", "ok"), (0.02, "failure", "failed"), (0.02, "timeout", "failed"), (0.02, "cancelled", "failed"),
    (0.02, "running", "running"), (0.02, "skipped", "skipped"), (4.99, "success", "ok"), (5, "success", "ok"),
    (5.1, "success", "late"), (-0.9, "success", "ok"),
])  # fmt: skip
def test_a_slot_is_what_its_run_is(began: float, status: RunStatus, expected: str):
    assert state(look([run(began, status)])) == expected


def test_a_run_that_is_earlier_than_a_minute_belongs_to_the_slot_before():
    assert state(look([run(-1.1)])) == "missed"


def test_a_run_beside_another_is_overlapped():
    assert state(look([run(0, was_alone=False)])) == "overlapped"
    assert state(look([run(0, "skipped", was_alone=False)])) == "overlapped"


def test_the_first_of_several_runs_counts():
    found = look([run(3, "failure"), run(0.1)])

    assert state(found) == "ok"
    assert [seen.began_at for seen in found.slots[0].runs] == [at(0.1), at(3)]


def test_nothing_is_decided_before_the_deadline_and_the_way_to_us_have_passed():
    assert look(now=5 + 44 / 60).slots == ()
    assert look(now=5 + 44 / 60).look_at == NOON + LOOK
    assert state(look(now=5.75)) == "missed"


def test_silence_of_a_machine_that_lives_and_has_delivered_is_a_miss():
    assert look(standing=alive(5)).slots == (Slot(NOON, "missed"),)


def test_silence_waits_for_a_heartbeat_from_after_the_deadline():
    found = look(standing=alive(4.9), now=6)

    assert (found.slots, found.look_at) == ((), at(7))


def test_silence_of_an_offline_machine_is_unknown():
    assert look(standing=alive(4.9, is_offline=True)).slots[0].state == "unknown"


def test_a_machine_that_went_offline_after_it_had_nothing_to_tell_has_missed_its_slot():
    assert state(look(standing=alive(5.5, is_offline=True))) == "missed"


def test_silence_waits_for_a_spool_that_may_hold_the_run():
    standing = alive(9, unsent_since=at(0))

    assert (look(standing=standing).slots, look(standing=standing).look_at) == ((), at(10))
    assert state(look(standing=alive(9, unsent_since=at(5.1)))) == "missed"


def test_a_spool_that_never_empties_leaves_the_slot_unknown():
    found = slots.settle(expecting("0 12 * * *"), at(-10), (), alive(70, unsent_since=at(0)), at(70))

    assert (found.slots[0].state, found.slots[0].why) == ("unknown", "the endpoint has results that it did not deliver")


@pytest.mark.parametrize("kind", ["paused", "maintenance"])
def test_silence_in_a_window_is_called_after_it(kind: str):
    window = Window(kind, at(-1), at(1))  # type: ignore[arg-type]

    assert state(look(standing=alive(windows=(window,)))) == kind


def test_a_run_in_a_maintenance_window_is_still_a_run():
    window = Window("maintenance", at(-1), at(1))

    assert state(look([run(0, "failure")], alive(windows=(window,)))) == "failed"


def test_a_window_ends_before_its_last_moment():
    assert state(look(standing=alive(windows=(Window("maintenance", at(-5), at(0)),)))) == "missed"


def test_our_own_outage_is_waited_out_and_then_the_slot_is_judged():
    outage = Window("outage", at(-2), at(3))

    waiting = look(standing=alive(17, windows=(outage,)), now=17)
    over = slots.settle(expecting("0 12 * * *"), at(-10), (), alive(19, windows=(outage,)), at(19))
    reported = slots.settle(expecting("0 12 * * *"), at(-10), [run(0.1)], alive(19, windows=(outage,)), at(19))

    assert (waiting.slots, waiting.look_at) == ((), at(18))
    assert (state(over), state(reported)) == ("missed", "ok")


def test_an_outage_that_goes_on_keeps_slots_open():
    found = look(standing=alive(windows=(Window("outage", at(4)),)))

    assert (found.slots, found.look_at) == ((), at(10))


def test_slots_from_before_the_entry_stood_are_not_expected():
    expected = expecting(since=at(0.3))

    found = slots.settle(expected, at(-60), (), alive(40), at(16))

    assert [slot.at for slot in found.slots] == [at(10)]


def test_several_slots_are_decided_in_order_and_the_next_look_follows():
    found = slots.settle(expecting(), at(-20), [run(0.1), run(20.1)], alive(30), at(26))

    assert [(slot.at, slot.state) for slot in found.slots] == [
        (at(-10), "missed"), (at(0), "ok"), (at(10), "missed"), (at(20), "ok"),
    ]  # fmt: skip
    assert (found.through, found.look_at) == (at(20), at(30) + LOOK)


def test_slots_that_have_their_runs_already_are_not_looked_at():
    runs = [run(minute + 0.01) for minute in range(1, 9)]

    found = slots.settle(expecting("* * * * *"), at(0), runs, alive(8), at(8))

    assert found.through == at(2)
    assert found.look_at == at(9) + LOOK


def test_a_gap_among_runs_is_looked_at_in_its_own_time():
    runs = [run(minute + 0.01) for minute in (1, 2, 3, 5, 6, 7)]

    found = slots.settle(expecting("* * * * *"), at(0), runs, alive(7), at(7))

    assert found.look_at == at(4) + LOOK


def test_the_run_of_the_slot_before_does_not_count_for_the_next():
    found = slots.settle(expecting("* * * * *"), at(0), [run(0.02)], alive(8), at(7))

    assert [slot.state for slot in found.slots] == ["missed"]


def test_a_job_that_never_runs_by_the_clock_is_never_looked_at():
    for schedule in (None, "@reboot"):
        found = slots.settle(expecting(schedule), at(0), (), alive(), at(100))  # type: ignore[arg-type]
        assert (found.slots, found.look_at) == ((), None)


def test_settling_in_one_look_or_in_many_ends_the_same():
    runs = [run(minute) for minute in (0.1, 10.2, 36, 40.5, 41)]
    at_once = slots.settle(expecting(), at(-10), runs, alive(100), at(90)).slots

    piecemeal: list[Slot] = []
    after, now = at(-10), at(0)
    while now < at(90):
        known = [seen for seen in runs if seen.began_at <= now]
        found = slots.settle(expecting(), after, known, Standing(now), now)
        piecemeal += found.slots
        after = found.through
        now = max(now + timedelta(seconds=30), found.look_at or now)

    assert [slot.at for slot in piecemeal] == [slot.at for slot in at_once][: len(piecemeal)]
    # The run that came after its slot had been judged: late, seen from the end.
    assert [(a.at, a.state, b.state) for a, b in zip(piecemeal, at_once, strict=False) if a.state != b.state] == [
        (at(30), "missed", "late")
    ]
