"""Schedules in another zone than the machine's: a crontab line that fires whenever the schedule might, and the rule by which
run-job tells when it does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.domain import schedule
from chalicelib.domain.schedule import Fields

# Zones are asked how they are set in these years. What is decided of them later matters only to lines, never to the guard.
_FROM, _UNTIL = datetime(2024, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
_STEP = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Guarded:
    """fields: what stands in the crontab. guard: what run-job's `is_due` takes, None where the line alone is right."""

    fields: str
    guard: dict[str, Any] | None = None


def guarded(expression: str, zone: str | None, host_zone: str | None) -> Guarded:
    """Return how a schedule that means `zone` is kept on a machine whose scheduler lives in `host_zone` (None: unknown).

    expression: as it stands in a crontab, without words such as @daily.
    """
    if zone is None or zone == host_zone or (host_zone and _is_fixed_alike(zone, host_zone)):
        return Guarded(expression)
    fields = schedule.fields_of(expression)
    turns = _turns(zone, host_zone)
    if fields is None or (turns == {0} and fields.is_hourly):
        return Guarded(expression)
    at = sorted({(minute + turn) % 60 for minute in _minutes(fields, zone) for turn in turns})
    guard: dict[str, Any] = {
        "zone": zone,
        "minutes": sorted(fields.minutes),
        "hours": sorted(fields.hours),
        "days": sorted(fields.days),
        "months": sorted(fields.months),
        "weekdays": sorted(fields.weekdays),
        "is_both": fields.is_both,
        "is_following": fields.is_following,
        "at": at,
    }
    return Guarded(f"{'*' if len(at) == 60 else ','.join(map(str, at))} * * * *", guard)


def _minutes(fields: Fields, zone: str) -> Iterable[int]:
    """Return the minutes of the zone's hours in which it may fire: its own, and those at which a gap of DST ends."""
    return fields.minutes if fields.is_following else fields.minutes | _gap_ends(zone)


def _turns(zone: str, host_zone: str | None) -> set[int]:
    """Return by how many minutes the machine's clock may differ from the zone's, whole hours aside."""
    if host_zone is None:
        return set(range(60))
    return {(here - there) % 60 for here in _offsets(host_zone) for there in _offsets(zone)}


def _is_fixed_alike(one: str, other: str) -> bool:
    """Tell whether both are the same hour all year round, such as UTC and Etc/UTC."""
    return len(_offsets(one)) == 1 and _offsets(one) == _offsets(other)


@lru_cache(maxsize=256)
def _offsets(zone: str) -> frozenset[int]:
    """Return the zone's distances from UTC, in minutes."""
    return frozenset(_offset(ZoneInfo(zone), moment) for moment in _moments())


@lru_cache(maxsize=256)
def _gap_ends(zone: str) -> frozenset[int]:
    """Return the minutes of the hour, by the zone's clock, at which clocks that were put forward go on."""
    rules, ends, before = ZoneInfo(zone), set(), _FROM
    for after in _moments():
        if _offset(rules, after) > _offset(rules, before):
            ends.add(_change(rules, before, after).astimezone(rules).minute)
        before = after
    return frozenset(ends)


def _change(rules: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the first minute with the later moment's offset; between the two the offset changes once."""
    wanted = _offset(rules, after)
    while after - before > timedelta(minutes=1):
        middle = before + timedelta(minutes=(after - before) // timedelta(minutes=2))
        before, after = (before, middle) if _offset(rules, middle) == wanted else (middle, after)
    return after


def _offset(rules: ZoneInfo, moment: datetime) -> int:
    return round((moment.astimezone(rules).utcoffset() or timedelta()).total_seconds() / 60)


def _moments() -> Iterable[datetime]:
    return (_FROM + number * _STEP for number in range((_UNTIL - _FROM) // _STEP))
