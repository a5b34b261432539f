"""Schedules as the triggers of Windows' Task Scheduler, each in a few words:

    boot                      when the machine starts
    daily 03:00               by the machine's clock
    weekly 1,5 03:00          on Mondays and Fridays, by the machine's clock
    monthly 1,15/6,12 03:00   on these days of these months, * for all of them, by the machine's clock
    daily 01:00Z              every 24 hours, whatever the machine's clock does
    every 5 min               of UTC, whatever the machine's clock does

What they cannot say, and what a change of the clock touches, is left to `run-job --guard`: docs/adr/0017 says why.
"""

import re
from collections.abc import Iterable
from math import gcd
from typing import Any

from agent.guard import Guarded
from agent.schedulers.clock_changes import DAY, Clock, clock_of
from chalicelib.domain import schedule
from chalicelib.domain.schedule import Fields

BOOT = "boot"
MAX_TRIGGERS = 48  # of one task
# What `triggers` may say, and what stands in the XML is held against.
WORDS = re.compile(
    r"(?P<boot>boot)"
    r"|every (?P<every>[0-9]+) min"
    r"|(?:daily|weekly (?P<weekdays>[0-6](?:,[0-6])*)|monthly (?P<days>\*|[0-9,]+)/(?P<months>\*|[0-9,]+))"
    r" (?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?P<utc>Z?)"
)
_SEPARATOR = "; "


def kept(expression: str, zone: str | None, host_zone: str | None) -> Guarded:
    """Return how Task Scheduler keeps a schedule that means `zone`, the machine's own if None.

    expression: five fields or @reboot. host_zone: None if unknown. The triggers come as one text; `split` takes it apart.
    """
    fields = schedule.fields_of(expression)
    if fields is None:
        return Guarded(BOOT)
    times = frozenset(hour * 60 + minute for hour in fields.hours for minute in fields.minutes)
    dates = dates_of(fields)
    means = zone or host_zone
    if means is None:
        return _by_an_unknown_clock(fields, times, dates)
    clock = clock_of(means)
    if _is_local(means, host_zone) and len(times) <= MAX_TRIGGERS and not times & clock.touched:
        starts = frozenset((time - offset) % DAY for time in times for offset in clock.offsets)
        return Guarded(_at(dates or "daily", times), None if dates else _guard(fields, means, starts))
    starts = starts_of(fields, times, clock)
    if len(starts) <= MAX_TRIGGERS:
        is_exact = (dates == "daily" and len(clock.offsets) == 1) or (fields.is_hourly and times == starts)
        return Guarded(_at("daily", starts, "Z"), None if is_exact else _guard(fields, means, starts))
    every = gcd(60, *starts)
    is_exact = fields.is_hourly and times == frozenset(range(0, DAY, every)) == starts
    return Guarded(f"every {every} min", None if is_exact else _guard(fields, means, every))


def split(text: str) -> list[str]:
    """Return the triggers that stand in one text."""
    return text.split(_SEPARATOR)


def join(triggers: Iterable[str]) -> str:
    return _SEPARATOR.join(triggers)


def dates_of(fields: Fields) -> str | None:
    """Return on which days a schedule fires, None where one trigger cannot say it."""
    is_every_day, is_every_weekday, is_every_month = len(fields.days) == 31, len(fields.weekdays) == 7, len(fields.months) == 12
    if not fields.is_both and (is_every_day or is_every_weekday):
        is_every_day = is_every_weekday = True
    months = "*" if is_every_month else _list(fields.months)
    if is_every_day and is_every_weekday:
        return "daily" if is_every_month else f"monthly */{months}"
    if is_every_day and is_every_month:
        return f"weekly {_list(fields.weekdays)}"
    if is_every_weekday:
        return f"monthly {_list(fields.days)}/{months}"
    return None


def starts_of(fields: Fields, times: frozenset[int], clock: Clock) -> frozenset[int]:
    """Return the minutes of UTC's day in which a schedule may fire at some time of the year."""
    starts = {(time - offset) % DAY for time in times for offset in clock.offsets}
    if not fields.is_following:  # what a gap skips fires at its end
        starts |= {change.at % DAY for change in clock.changes if change.after > change.before and times & change.touched}
    return frozenset(starts)


def _by_an_unknown_clock(fields: Fields, times: frozenset[int], dates: str | None) -> Guarded:
    """Return the best that can be done without knowing the zone: Windows, or run-job by Windows' clock, decides."""
    if dates and len(times) <= MAX_TRIGGERS:
        return Guarded(_at(dates, times))
    return Guarded("every 1 min", _guard(fields, None, 1))


def _is_local(zone: str, host_zone: str | None) -> bool:
    if host_zone is None or zone == host_zone:
        return host_zone is not None
    one, other = clock_of(zone), clock_of(host_zone)
    return len(one.offsets) == 1 and one.offsets == other.offsets


def _at(dates: str, times: Iterable[int], suffix: str = "") -> str:
    return join(f"{dates} {time // 60:02}:{time % 60:02}{suffix}" for time in sorted(times))


def _list(numbers: Iterable[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


def _guard(fields: Fields, zone: str | None, starts: Iterable[int] | int) -> dict[str, Any]:
    """Return what `is_meant_now` of win_guard.py takes. starts: minutes of UTC's day, or one every so many minutes."""
    return {
        "zone": zone,
        # Windows has no data of zones, so run-job gets what it needs of this one.
        "clock": clock_of(zone).table if zone else None,
        "minutes": sorted(fields.minutes),
        "hours": sorted(fields.hours),
        "days": sorted(fields.days),
        "months": sorted(fields.months),
        "weekdays": sorted(fields.weekdays),
        "is_both": fields.is_both,
        "is_following": fields.is_following,
        "starts": starts if isinstance(starts, int) else sorted(starts),
    }
