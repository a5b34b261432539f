"""Triggers of Windows' Task Scheduler and the guard together fire when the schedule says, and at no other time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.schedulers.taskxml import SYSTEM, Task, to_xml
from agent.schedulers.triggers import kept, split
from agent.wrapper.win_guard import is_meant_now
from chalicelib.domain import schedule
from tests.fixtures.task_clock import starts

MINUTE = timedelta(minutes=1)
ZONES = ("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "UTC", "Asia/Kolkata")
CHANGES = {
    "Europe/Paris": [(2026, 3, 29), (2026, 10, 25)],
    "America/New_York": [(2027, 3, 14), (2027, 11, 7)],
    "Australia/Lord_Howe": [(2028, 4, 2), (2028, 10, 1)],
    "America/Santiago": [(2026, 4, 5), (2026, 9, 6)],
}


def fired(expression: str, zone: str | None, host: str, begin: datetime, end: datetime) -> list[datetime]:
    """Return when a job runs: the starts by its triggers, less those that the guard turns away."""
    keep = kept(expression, zone, host)
    xml = to_xml(Task(tuple(split(keep.fields)), "py.exe", "run-job.py", SYSTEM, "CRONTOPUS ep-1"), "\\Crontopus\\x")
    found = starts(xml, host, begin, end)
    return [at for at in found if keep.guard is None or is_meant_now(keep.guard, round(at.timestamp() * 1000))]


def expected(expression: str, zone: str, begin: datetime, end: datetime) -> list[datetime]:
    found = []
    for at in schedule.fires(expression, begin - MINUTE, zone):
        if at >= end:
            break
        found.append(at)
    return found


def days(text: int, low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    several = st.lists(value, min_size=1, max_size=text, unique=True).map(lambda found: ",".join(map(str, sorted(found))))
    span = st.tuples(value, value).filter(lambda pair: pair[0] < pair[1]).map(lambda pair: f"{pair[0]}-{pair[1]}")
    return st.one_of(st.just("*"), value.map(str), several, span, st.sampled_from(["*/2", "*/5", f"{low}-{high}/3"]))


EXPRESSIONS = st.tuples(days(4, 0, 59), days(4, 0, 23), days(3, 1, 28), days(3, 1, 12), days(3, 0, 6)).map(" ".join)
MOMENTS = st.one_of(
    st.sampled_from([datetime(*day, tzinfo=UTC) for found in CHANGES.values() for day in found]),
    st.integers(1_767_312_000, 2_111_702_400).map(lambda second: datetime.fromtimestamp(second, UTC)),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(EXPRESSIONS, st.sampled_from(ZONES), st.one_of(st.none(), st.sampled_from(ZONES)), MOMENTS)
def test_a_job_runs_when_its_schedule_says(expression: str, host: str, zone: str | None, around: datetime):
    begin = around.replace(second=0, microsecond=0) - timedelta(hours=18)
    end = begin + timedelta(hours=42)

    assert fired(expression, zone, host, begin, end) == expected(expression, zone or host, begin, end)


HARD = (
    "30 2 * * *",
    "0 2 * * *",
    "59 1 * * *",
    "0 3 * * 0",
    "*/30 2 * * *",
    "15 0 * * 6",
    "30 23 * * *",
    "0 0 13 * 5",
    "7 * * * *",
)


@pytest.mark.parametrize("zone", CHANGES)
@pytest.mark.parametrize("expression", HARD)
def test_days_on_which_the_clock_changes(expression: str, zone: str):
    for day in CHANGES[zone]:
        begin = datetime(*day, tzinfo=UTC) - timedelta(days=1)
        end = begin + timedelta(days=3)

        assert fired(expression, None, zone, begin, end) == expected(expression, zone, begin, end)


@pytest.mark.parametrize(
    ("expression", "triggers", "is_guarded"),
    [
        ("@reboot", "boot", False),
        ("0 9 * * *", "daily 09:00", False),
        ("0 9,17 * * 1-5", "weekly 1,2,3,4,5 09:00; weekly 1,2,3,4,5 17:00", False),
        ("0 0 1,15 6 *", "monthly 1,15/6 00:00", False),
        ("0 9 * 6 *", "monthly */6 09:00", False),
        ("*/5 * * * *", "every 5 min", False),
        ("0 9 13 * 5", "daily 09:00", True),
        ("0 9 */2 * 1", "daily 09:00", True),
        ("30 2 * * *", "daily 00:30Z; daily 01:00Z; daily 01:30Z", True),
        ("*/5 9-17 * * 1-5", "every 5 min", True),
    ],
)
def test_what_one_trigger_can_say_needs_no_guard(expression: str, triggers: str, is_guarded: bool):
    keep = kept(expression, None, "Europe/Paris")

    assert (keep.fields, keep.guard is not None) == (triggers, is_guarded)


def test_another_zone_is_kept_by_starts_that_do_not_go_by_the_machines_clock():
    keep = kept("0 9 * * 1-5", "America/New_York", "Europe/Paris")

    assert keep.fields == "daily 13:00Z; daily 14:00Z"
    assert keep.guard


def test_without_knowing_the_machines_zone_windows_decides():
    assert kept("0 9 * * 1", None, None).fields == "weekly 1 09:00"
    assert kept("*/7 * * * *", None, None).fields == "every 1 min"


@pytest.mark.parametrize("delay_s", [-0.9, 0, 59, 240])
def test_an_early_or_late_start_means_the_minute_of_its_trigger(delay_s: float):
    keep = kept("30 2 * * *", None, "Europe/Paris")
    at = datetime(2026, 7, 1, 2, 30, tzinfo=ZoneInfo("Europe/Paris"))

    assert keep.guard
    assert is_meant_now(keep.guard, round(at.timestamp() * 1000) + round(delay_s * 1000))


def test_the_last_day_of_the_table_does_not_end_the_job():
    keep = kept("30 2 * * *", None, "Europe/Paris")
    at = datetime(2050, 1, 10, 2, 30, tzinfo=ZoneInfo("Europe/Paris"))

    assert keep.guard
    assert is_meant_now(keep.guard, round(at.timestamp() * 1000))
