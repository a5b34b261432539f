from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain import schedule
from chalicelib.domain.errors import Invalid

GOOD = [
    "* * * * *",
    "*/7 1-5 * jan-mar mon,fri",
    "0 9 * * 7",
    "@daily",
    "@reboot",
    "0-30/10 0 1,15 * *",
    "0 0 29 2 *",
    "0\t4 * * *",
]
BAD = {
    "": "needs 5 fields",
    "* * * *": "needs 5 fields",
    "0 * * * * *": "needs 5 fields",
    "60 * * * *": "Bad minute",
    "* * * * 8": "Bad day-of-week",
    "5/10 * * * *": "is not a list of values, ranges",
    "0 0 L * *": "is not a list",
    "0 0 * * 5#2": "is not a list",
    "0~30 * * * *": "is not a list",
    "0 0 31 2 *": "never fires",
    "0 0 30 2 *": "never fires",
    "0 0 31 4,6,9,11 *": "never fires",
    "0 0 32 1 *": "Bad day-of-month",
    "0 0 1 13 *": "Bad month",
    "@every 5m": "unknown word",
    "* * * * *\n* * * * * id": "one line only",
    "* * * * * %": "needs 5 fields",
}


@pytest.mark.parametrize("expression", GOOD)
def test_what_cron_takes_is_good(expression: str):
    assert schedule.problem(expression) is None


@pytest.mark.parametrize(("expression", "words"), BAD.items())
def test_what_cron_refuses_or_misreads_is_explained(expression: str, words: str):
    assert words in (schedule.problem(expression) or "")


def test_an_alias_is_written_as_its_five_fields():
    assert schedule.normalized("@weekly") == "0 0 * * 0"


def test_reboot_has_no_next_time():
    assert schedule.next_fires("@reboot", datetime(2026, 1, 1, tzinfo=UTC), "UTC", 3) == []


def test_an_unknown_zone_is_refused():
    with pytest.raises(Invalid, match="1 problem") as caught:
        schedule.next_fires("* * * * *", datetime(2026, 1, 1, tzinfo=UTC), "Mars/Olympus", 1)

    assert "IANA" in caught.value.problems["timezone"]


def test_a_time_that_dst_skips_runs_right_after_the_gap():
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)

    first, second = schedule.next_fires("30 2 * * *", before, "Europe/Paris", 2)

    assert first == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert second == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)


def test_what_dst_repeats_does_not_run_again_however_late_one_asks():
    second_half_past_two = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)

    (first,) = schedule.next_fires("30 2 * * *", second_half_past_two, "Europe/Paris", 1)

    assert first == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_what_follows_the_clock_follows_it_where_it_is_set_back_by_half_an_hour():
    before = datetime(2026, 4, 4, 14, 50, tzinfo=UTC)  # 1:50 on Lord Howe Island; at 2:00 it is 1:30 again

    found = schedule.next_fires("*/30 * * * *", before, "Australia/Lord_Howe", 3)

    assert [at.hour * 60 + at.minute for at in found] == [15 * 60, 15 * 60 + 30, 16 * 60]


def test_what_follows_the_clock_runs_again_in_an_hour_that_comes_twice():
    second_half_past_two = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)

    (found,) = schedule.next_fires("*/30 2 * * *", second_half_past_two, "Europe/Paris", 1)

    assert found == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


_VALUES = {"minute": (0, 59), "hour": (0, 23), "day": (1, 28), "month": (1, 12), "weekday": (0, 6)}


def field(low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    single = value.map(str)
    # A range of one, such as 0-0, is left out: croniter reads it as a star.
    ranged = st.tuples(value, value).filter(lambda pair: pair[0] < pair[1]).map(lambda pair: f"{pair[0]}-{pair[1]}")
    stepped = st.integers(2, max(2, high // 2)).map(lambda step: f"*/{step}")
    return st.one_of(st.just("*"), single, ranged, stepped, st.lists(single, min_size=1, max_size=3).map(",".join))


@settings(max_examples=60)
@given(st.tuples(*(field(low, high) for low, high in _VALUES.values())))
def test_two_engines_agree_away_from_dst(fields: tuple[str, ...]):
    expression = " ".join(fields)
    start = datetime(2026, 1, 1, tzinfo=UTC)

    ours = list(islice(schedule.fires(expression, start, "UTC"), 5))
    theirs = croniter(expression, start, implement_cron_bug=True)

    assert ours == [theirs.get_next(datetime) for _ in range(5)]
    assert all(later - earlier >= timedelta(minutes=1) for earlier, later in pairwise(ours))
