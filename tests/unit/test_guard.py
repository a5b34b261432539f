"""The guard of jobs in another time zone, against a judge that only knows minutes: is_due, and the line that asks it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from agent.guard import guarded
from agent.wrapper import run_guard
from chalicelib.domain import schedule

MINUTE = timedelta(minutes=1)
# The days around each change of the clocks in 2026, and one without any.
DAYS = {
    "Europe/Paris": [(2026, 3, 28), (2026, 10, 24), (2026, 7, 1)],
    "America/New_York": [(2026, 3, 7), (2026, 10, 31), (2026, 7, 1)],
    "Australia/Lord_Howe": [(2026, 4, 4), (2026, 10, 3), (2026, 7, 1)],
    "America/Santiago": [(2026, 4, 4), (2026, 9, 5), (2026, 7, 1)],
}
SCHEDULES = [
    "30 2 * * *",
    "15,45 1-3 * * *",
    "0 0 * * *",
    "10 2 * * *",
    "0 3 * * *",
    "59 23 * * 6",
    "*/20 * * * *",
    "*/30 2 * * *",
    "5 */2 * * *",
    "0 2 29 3 *",
    "0 2 1 * 0",
    "0 2 */2 * 0",
]


class Judge:
    """Which minutes a schedule means in a zone, told from nothing but clock readings and the words of crontab(5)."""

    def __init__(self, expression: str, zone: str) -> None:
        self.minute, self.hour, self.day, self.month, self.weekday = expression.split()
        self.zone = ZoneInfo(zone)
        self.is_wild = self.minute[0] == "*" or self.hour[0] == "*"

    def moments(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Every reading of the clock is looked at once; a reading that was skipped counts at the next one that there is."""
        seen: set[datetime] = set()
        last: datetime | None = None
        now = start
        while now < end:
            reading = now.astimezone(self.zone).replace(tzinfo=None)
            readings = [reading]
            while not self.is_wild and last and readings[0] - last > MINUTE:
                readings.insert(0, readings[0] - MINUTE)
            is_new = reading not in seen
            if any(map(self._fits, readings)) and (is_new or self.is_wild):
                yield now
            seen.update(readings)
            last = max(reading, last) if last and not is_new else reading
            now += MINUTE

    def _fits(self, reading: datetime) -> bool:
        if not all(
            self._has(field, value)
            for field, value in ((self.minute, reading.minute), (self.hour, reading.hour), (self.month, reading.month))
        ):
            return False
        by_date = self._has(self.day, reading.day, low=1)
        by_name = self._has(self.weekday, int(reading.strftime("%w")))
        return (by_date and by_name) if "*" in (self.day[0], self.weekday[0]) else (by_date or by_name)

    @staticmethod
    def _has(field: str, value: int, low: int = 0) -> bool:
        for part in field.split(","):
            span, _, step = part.partition("/")
            first, _, last = span.partition("-")
            begin, end = (low, 99) if span == "*" else (int(first), int(last or first))
            if begin <= value <= end and (value - begin) % int(step or 1) == 0:
                return True
        return False


@cache
def judged(expression: str, zone: str) -> list[datetime]:
    return [moment for start, end in windows(zone) for moment in Judge(expression, zone).moments(start, end)]


def windows(zone: str) -> Iterator[tuple[datetime, datetime]]:
    for day in DAYS[zone]:
        start = datetime(*day, 6, tzinfo=UTC)  # type: ignore[misc]
        yield start, start + timedelta(hours=28)


@cache
def by_guard(expression: str, zone: str) -> list[datetime]:
    rule = guarded(expression, zone, None).guard
    assert rule
    minutes = [start + number * MINUTE for start, end in windows(zone) for number in range((end - start) // MINUTE)]
    return [at for at in minutes if run_guard.fires(rule, int(at.timestamp()) // 60, ZoneInfo(zone))]


@pytest.mark.parametrize("zone", DAYS)
@pytest.mark.parametrize("expression", SCHEDULES)
def test_the_guard_lets_exactly_the_meant_minutes_pass(expression: str, zone: str):
    assert by_guard(expression, zone) == judged(expression, zone)


@pytest.mark.parametrize("zone", DAYS)
@pytest.mark.parametrize("expression", SCHEDULES)
def test_the_guard_and_the_control_plane_expect_the_same(expression: str, zone: str):
    expected = [
        at for start, end in windows(zone) for at in schedule.next_fires(expression, start - MINUTE, zone, 150) if at < end
    ]

    assert by_guard(expression, zone) == expected


@pytest.mark.parametrize("host", ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York", None])
@pytest.mark.parametrize("zone", DAYS)
@pytest.mark.parametrize("expression", SCHEDULES)
def test_the_line_starts_run_job_at_every_minute_that_is_meant(expression: str, zone: str, host: str | None):
    kept = guarded(expression, zone, host)
    if kept.guard is None:
        assert kept.fields == expression
        return
    minutes = kept.fields.split()[0]
    clock = ZoneInfo(host or "Asia/Kathmandu")

    meant = {str(moment.astimezone(clock).minute) for moment in judged(expression, zone)}
    assert minutes == "*" or meant <= set(minutes.split(","))


def test_a_line_is_no_wider_than_it_must_be():
    assert guarded("*/15 9 * * 1-5", "Europe/Paris", "UTC").fields == "0,15,30,45 * * * *"
    assert guarded("30 9 * * *", "Asia/Kolkata", "UTC").fields == "0 * * * *"
    assert guarded("30 9 * * *", "Asia/Kolkata", None).fields == "* * * * *"


@pytest.mark.parametrize(
    ("expression", "zone", "host"),
    [
        ("30 2 * * *", None, "UTC"),
        ("30 2 * * *", "Europe/Paris", "Europe/Paris"),
        ("30 2 * * *", "Etc/UTC", "UTC"),
        ("*/5 * * * *", "Europe/Paris", "UTC"),
        ("7 * * * *", "Europe/Paris", "America/New_York"),
        ("@reboot", "Europe/Paris", "UTC"),
    ],
)
def test_a_line_that_is_right_by_itself_has_no_guard(expression: str, zone: str | None, host: str):
    kept = guarded(expression, zone, host)

    assert (kept.fields, kept.guard) == (expression, None)


def test_a_start_that_comes_late_means_the_minute_before():
    at = [0, 30]
    half_past = int(datetime(2026, 7, 1, 9, 30, tzinfo=UTC).timestamp()) // 60

    assert [run_guard.meant_minute(half_past + late, at) - half_past for late in (0, 1, 9)] == [0, 0, 0]
    assert run_guard.meant_minute(half_past + 11, at) == half_past + 11
