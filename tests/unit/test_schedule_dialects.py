"""What schedules mean to each cron: on the days when clocks change, and where day and weekday meet."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain import dialects, schedule

MINUTE = timedelta(minutes=1)
# Zone, a schedule of fixed times, one that follows the clock; then each change of 2025 to 2027, in UTC, forward and back, and
# what runs within three hours before and four after it. Of each pair the first three lists are the fixed schedule's (vixie
# family, busybox, systemd), the last two the other's (vixie and busybox, systemd).
TABLES = {
    ("Europe/Paris", "15,45 2 * * *", "*/30 2 * * *"): (
        (("2025-03-30 01", "2026-03-29 01", "2027-03-28 01"), ("0100", "", "", "", "")),
        (
            ("2025-10-26 01", "2026-10-25 01", "2027-10-31 01"),
            ("0015 0045", "0015 0045 0115 0145", "0015 0045", "0000 0030 0100 0130", "0000 0030"),
        ),
    ),
    ("America/New_York", "15,45 1-2 * * *", "*/30 1-2 * * *"): (
        (
            ("2025-03-09 07", "2026-03-08 07", "2027-03-14 07"),
            ("0615 0645 0700", "0615 0645", "0615 0645", "0600 0630", "0600 0630"),
        ),
        (
            ("2025-11-02 06", "2026-11-01 06", "2027-11-07 06"),
            (
                "0515 0545 0715 0745",
                "0515 0545 0615 0645 0715 0745",
                "0515 0545 0715 0745",
                "0500 0530 0600 0630 0700 0730",
                "0500 0530 0700 0730",
            ),
        ),
    ),
    ("Australia/Lord_Howe", "15,45 1-2 * * *", "*/20 1-2 * * *"): (
        (
            ("2025-10-04 1530", "2026-10-03 1530", "2027-10-02 1530"),
            ("1445 1515 1530 1545", "1445 1515 1545", "1445 1515 1545", "1430 1450 1510 1540", "1430 1450 1510 1540"),
        ),
        (
            ("2025-04-05 15", "2026-04-04 15", "2027-04-03 15"),
            (
                "1415 1445 1545 1615",
                "1415 1445 1515 1545 1615",
                "1415 1445 1545 1615",
                "1400 1420 1440 1510 1530 1550 1610",
                "1400 1420 1440 1530 1550 1610",
            ),
        ),
    ),
    ("America/Santiago", "30 0,23 * * *", "*/30 0,23 * * *"): (
        (
            ("2025-09-07 04", "2026-09-06 04", "2027-09-05 04"),
            ("0330 0400", "0330", "0330", "0300 0330", "0300 0330"),
        ),
        (
            ("2025-04-06 03", "2026-04-05 03", "2027-04-04 03"),
            (
                "0230 0430",
                "0230 0330 0430",
                "0230 0430",
                "0200 0230 0300 0330 0400 0430",
                "0200 0230 0400 0430",
            ),
        ),
    ),
}
CASES = [
    (zone, expression, flavour, change, wanted[index])
    for (zone, fixed, following), rows in TABLES.items()
    for changes, wanted in rows
    for change in changes
    for expression, flavour, index in (
        *((fixed, flavour, 0) for flavour in ("debian", "cronie", "vixie", "vixie-macos", "bcron", "taskscheduler", None)),
        (fixed, "busybox", 1),
        (fixed, "systemd-cron", 2),
        *((following, flavour, 3) for flavour in ("debian", "busybox", "bcron")),
        (following, "systemd-cron", 4),
    )
]


@pytest.mark.parametrize(("zone", "expression", "flavour", "change", "wanted"), CASES)
def test_on_the_day_clocks_change_each_cron_does_as_it_does(
    zone: str, expression: str, flavour: str | None, change: str, wanted: str
) -> None:
    at = datetime.strptime(change.ljust(15, "0")[:15], "%Y-%m-%d %H%M").replace(tzinfo=UTC)
    moments = schedule.fires(expression, at - timedelta(hours=3, minutes=1), zone, flavour)

    found = takewhile(lambda moment: moment < at + timedelta(hours=4), moments)

    assert " ".join(f"{moment:%H%M}" for moment in found) == wanted


@pytest.mark.parametrize(
    ("expression", "flavour", "wanted"),
    [
        ("0 0 29 2 *", "debian", "2028-02-29 2032-02-29"),
        ("0 0 29 2 *", "busybox", "2028-02-29 2032-02-29"),
        ("0 0 29 2 *", "systemd-cron", "2028-02-29 2032-02-29"),
        ("0 0 13 * 5", "debian", "2026-01-02 2026-01-09 2026-01-13 2026-01-16"),
        ("0 0 13 * 5", "busybox", "2026-01-02 2026-01-09 2026-01-13 2026-01-16"),
        ("0 0 13 * 5", "bcron", "2026-01-02 2026-01-09 2026-01-13 2026-01-16"),
        ("0 0 13 * 5", "systemd-cron", "2026-02-13 2026-03-13 2026-11-13"),
        ("0 0 */10 * 1", "debian", "2026-05-11 2026-06-01 2026-08-31 2026-09-21"),
        ("0 0 */10 * 1", "systemd-cron", "2026-05-11 2026-06-01 2026-08-31 2026-09-21"),
        ("0 0 */10 * 1", "busybox", "2026-01-05 2026-01-10 2026-01-12 2026-01-19 2026-01-20"),
        ("0 0 */10 * 1", "bcron", "2026-01-05 2026-01-11 2026-01-12 2026-01-19 2026-01-21"),
        ("0 0 */10 * *", "busybox", "2026-01-10 2026-01-20 2026-01-30"),
        ("0 0 */10 * *", "debian", "2026-01-11 2026-01-21 2026-01-31"),
        ("0 0 1-31 * 1", "debian", "2026-01-02 2026-01-03"),
        ("0 0 1-31 * 1", "busybox", "2026-01-02 2026-01-03"),
        ("0 0 * * 1", "busybox", "2026-01-05 2026-01-12"),
    ],
)
def test_day_and_weekday_meet_as_each_cron_has_it(expression: str, flavour: str, wanted: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)

    found = schedule.next_fires(expression, start, "UTC", len(wanted.split()), flavour)

    assert " ".join(f"{moment:%Y-%m-%d}" for moment in found) == wanted


def test_a_day_that_never_comes_is_refused_and_one_that_systemd_never_reaches_ends() -> None:
    assert "never fires" in (schedule.problem("0 0 31 2 *") or "")
    assert schedule.next_fires("0 0 31 2 1", datetime(2026, 1, 1, tzinfo=UTC), "UTC", 3, "systemd-cron") == []


def test_at_reboot_no_cron_has_a_time() -> None:
    assert schedule.next_fires("@reboot", datetime(2026, 1, 1, tzinfo=UTC), "UTC", 1, "busybox") == []


_VALUES = {"minute": (0, 59), "hour": (0, 23), "day": (1, 28), "month": (1, 12), "weekday": (0, 6)}


def field(low: int, high: int) -> st.SearchStrategy[str]:
    value = st.integers(low, high)
    ranged = st.tuples(value, value).filter(lambda pair: pair[0] < pair[1]).map(lambda pair: f"{pair[0]}-{pair[1]}")
    stepped = st.integers(2, max(2, high // 2)).map(lambda step: f"*/{step}")
    return st.one_of(st.just("*"), value.map(str), ranged, stepped)


EXPRESSIONS = st.tuples(*(field(low, high) for low, high in _VALUES.values())).map(" ".join)


def by_minutes(expression: str, start: datetime, days: int) -> Iterator[datetime]:
    """Every minute of these days at which the fields fit, told by the fields alone."""
    fields = schedule.fields_of(expression)
    assert fields
    for number in range(1, days * 24 * 60):
        now = start + number * MINUTE
        fits = now.minute in fields.minutes and now.hour in fields.hours and now.month in fields.months
        pair = (now.day in fields.days, now.isoweekday() % 7 in fields.weekdays)
        if fits and (all(pair) if fields.is_both else any(pair)):
            yield now


@settings(max_examples=25)
@given(EXPRESSIONS, st.integers(0, 330))
def test_away_from_changes_every_cron_and_a_count_of_minutes_agree_on_what_all_can_say(expression: str, day: int) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    wanted = list(by_minutes(expression, start, 3))

    for flavour, dialect in dialects.DIALECTS.items():
        line = schedule.native(expression, dialect)
        if line is not None:
            found = schedule.fires(line, start, "UTC", flavour)
            assert list(takewhile(lambda moment: moment < start + timedelta(days=3), found)) == wanted, (flavour, line)


@settings(max_examples=40)
@given(EXPRESSIONS)
def test_a_second_engine_agrees_with_what_is_written_for_each_cron(expression: str) -> None:
    """croniter has no rules for clock changes, and none is near; `implement_cron_bug` is its name for a star's AND."""
    start = datetime(2026, 6, 1, tzinfo=UTC)
    wanted = list(islice(croniter(expression, start, implement_cron_bug=True, ret_type=datetime), 5))

    for flavour, dialect in dialects.DIALECTS.items():
        line = schedule.native(expression, dialect)
        if line is not None:
            assert schedule.next_fires(line, start, "UTC", 5, flavour) == wanted, (flavour, line)


def test_what_is_kept_runs_by_cron8_wherever_the_cron_can_be_woken() -> None:
    before = datetime(2026, 10, 24, 20, tzinfo=UTC)  # clocks in Paris go back at 1:00 UTC
    spring = datetime(2026, 3, 28, 20, tzinfo=UTC)
    for flavour in ("debian", "busybox", "bcron", "systemd-cron", "taskscheduler"):
        found = list(islice(schedule.kept_fires("30 2 * * *", before, "Europe/Paris", "Europe/Paris", flavour), 2))
        (gap,) = islice(schedule.kept_fires("30 2 * * *", spring, "Europe/Paris", "Europe/Paris", flavour), 1)
        assert [f"{moment:%d %H:%M}" for moment in (*found, gap)] == ["25 00:30", "26 01:30", "29 01:00"], flavour


def test_in_an_hour_that_comes_again_systemd_starts_nothing_of_any_zone() -> None:
    before = datetime(2026, 10, 24, 20, tzinfo=UTC)

    (first,) = islice(schedule.kept_fires("30 10 * * *", before, "Asia/Tokyo", "Europe/Paris", "systemd-cron"), 1)
    (by_cron,) = islice(schedule.kept_fires("30 10 * * *", before, "Asia/Tokyo", "Europe/Paris", "debian"), 1)

    assert by_cron.astimezone(ZoneInfo("Europe/Paris")).fold == 1
    assert (first - by_cron) == timedelta(days=1)
