"""Line and guard together, on every cron: what the line starts and the guard lets pass is what cron(8) means."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest

from agent.guard import Lines, guarded, keeper
from agent.wrapper import run_guard
from chalicelib.domain import schedule
from tests.unit.test_guard import DAYS

SCHEDULES = [
    "30 2 * * *",
    "15,45 0-3 * * *",
    "0 0 * * *",
    "*/20 * * * *",
    "*/30 2 * * *",
    "0 12 * * 5-7",
    "0 2 29 3 *",
    "0 12 25-31 * 0",
    "0 2 */2 * 0",
    "10 1 * mar-nov sat,sun",
]
OTHERS = ("busybox", "systemd-cron", "bcron")


@cache
def windows(zone: str) -> list[tuple[datetime, datetime]]:
    return [(start := datetime(*day, 6, tzinfo=UTC), start + timedelta(hours=28)) for day in DAYS[zone]]  # type: ignore[misc]


def within(moments: Iterator[datetime], end: datetime) -> list[datetime]:
    return list(takewhile(lambda moment: moment < end, moments))


def runs(expression: str, zone: str | None, host: str, flavour: str, start: datetime, end: datetime) -> list[datetime]:
    """What happens on such a machine: its cron starts the line by its own rules, and run-job asks the guard."""
    kept = keeper(flavour)(expression, zone, host)
    starts = within(schedule.fires(kept.fields, start, host, flavour), end)
    if kept.guard is None:
        return starts
    rules = ZoneInfo(kept.guard["zone"] or host)
    return [at for at in starts if run_guard.fires(kept.guard, int(at.timestamp()) // 60, rules)]


@pytest.mark.parametrize("flavour", OTHERS)
@pytest.mark.parametrize("zone", DAYS)
@pytest.mark.parametrize("expression", SCHEDULES)
def test_a_schedule_means_the_same_on_every_cron(expression: str, zone: str, flavour: str) -> None:
    for start, end in windows(zone):
        wanted = within(schedule.kept_fires(expression, start, zone, zone, flavour), end)

        assert runs(expression, None, zone, flavour, start, end) == wanted


@pytest.mark.parametrize("flavour", ["debian", *OTHERS])
@pytest.mark.parametrize("host", ["UTC", "Europe/Paris", "Asia/Kolkata"])
@pytest.mark.parametrize("expression", SCHEDULES)
def test_a_job_of_another_zone_runs_as_expected_on_every_cron(expression: str, host: str, flavour: str) -> None:
    zone = "America/New_York"
    for start, end in windows(zone):
        wanted = within(schedule.kept_fires(expression, start, zone, host, flavour), end)

        assert runs(expression, zone, host, flavour, start, end) == wanted


@pytest.mark.parametrize(
    ("expression", "flavour", "fields", "has_guard"),
    [
        ("30 2 * * *", "debian", "30 2 * * *", False),
        ("0 12 * * fri-7", "debian", "0 12 * * fri-7", False),
        ("30 12 * * *", "busybox", "30 12 * * *", False),
        ("*/15 * * * *", "busybox", "*/15 * * * *", False),
        ("0 12 * * 5-7", "busybox", "0 12 * * 0,5,6", False),
        ("0 12 */10 * *", "busybox", "0 12 1,11,21,31 * *", False),
        ("0 12 * nov sun", "systemd-cron", "0 12 * 11 0", False),
        ("0 12 13 * 5", "busybox", "0 12 13 * 5", False),
        ("0 12 13 * 5", "systemd-cron", "0 12 * * *", True),
        ("0 12 */10 * 1", "busybox", "0 12 * * *", True),
        ("0 12 */10 * 1", "systemd-cron", "0 12 * * *", True),
        ("0 12 13 3,4 5", "systemd-cron", "0 12 * 3,4 *", True),
        ("30 2 * * *", "busybox", "0,30 * * * *", True),
        ("30 2 * * *", "systemd-cron", "0,30 * * * *", True),
        ("30 2 * * *", "bcron", "0,30 * * * *", True),
        ("@reboot", "busybox", "@reboot", False),
    ],
)
def test_only_what_would_run_otherwise_is_guarded(expression: str, flavour: str, fields: str, has_guard: bool) -> None:
    kept = keeper(flavour)(expression, None, "Europe/Paris")

    assert (kept.fields, kept.guard is not None) == (fields, has_guard)


def test_where_clocks_never_change_no_line_needs_a_guard_for_them() -> None:
    assert keeper("busybox")("30 2 * * *", None, "Asia/Tokyo").guard is None


def test_where_the_zone_has_no_name_nights_are_guarded_by_the_machines_own_clock() -> None:
    night, noon = (keeper("busybox")(f"15 {hour} * * *", None, None) for hour in (2, 12))

    assert (night.fields, night.guard and night.guard["zone"], noon.guard) == ("0,15,30 * * * *", None, None)


def test_the_machines_own_clock_needs_no_data_of_zones() -> None:
    rule = keeper("busybox")("30 2 * * *", None, "Europe/Paris").guard

    assert rule
    assert rule["zone"] is None


def test_a_cron_that_does_as_cron8_says_is_asked_nothing() -> None:
    assert all(keeper(flavour) is guarded for flavour in ("debian", "cronie", "vixie", "vixie-macos", None))
    assert keeper("busybox") is keeper("busybox")


@pytest.mark.parametrize("flavour", ["cronie", "systemd-cron"])
@pytest.mark.parametrize("zone", [None, "America/New_York"])
def test_lines_below_a_zone_variable_run_when_the_job_means_them(zone: str | None, flavour: str) -> None:
    keep, host, lines_zone = keeper(flavour, Lines("Asia/Tokyo", is_set=True)), "Europe/Paris", "Asia/Tokyo"
    kept = keep("30 2 * * *", zone, host)
    start = datetime(2026, 7, 1, tzinfo=UTC)
    starts = within(schedule.fires(kept.fields, start, lines_zone, flavour), start + timedelta(days=2))

    assert kept.guard
    passed = [at for at in starts if run_guard.fires(kept.guard, int(at.timestamp()) // 60, ZoneInfo(kept.guard["zone"]))]
    assert passed == within(schedule.fires("30 2 * * *", start, zone or host), start + timedelta(days=2))


def test_run_job_finds_the_minute_of_a_late_start_by_the_machines_clock_not_by_the_variables() -> None:
    kept = keeper("cronie", Lines("Asia/Kolkata", is_set=True))("15 2 * * *", None, "Europe/Paris")

    assert kept.guard
    assert (kept.fields.split()[0], kept.guard["at"], kept.guard["zone"]) == ("30,45", [0, 15], "Europe/Paris")


def test_below_a_variable_that_names_the_jobs_zone_the_line_is_right_as_it_is() -> None:
    keep = keeper("cronie", Lines("Asia/Tokyo", is_set=True))

    assert keep("30 2 * * *", "Asia/Tokyo", "Europe/Paris").guard is None


def test_below_a_zone_that_nobody_knows_run_job_is_asked_every_minute() -> None:
    kept = keeper("cronie", Lines(None, is_set=True))("30 2 * * *", None, "Europe/Paris")

    assert kept.fields == "* * * * *"
