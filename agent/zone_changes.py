"""How the clocks of a zone are changed: asked of its rules once, and remembered."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

# Zones are asked how they are set in these years. What is decided of them later matters only to lines, never to the guard.
_FROM, _UNTIL = datetime(2024, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
_STEP = timedelta(days=7)
_DAY_MINUTES = 24 * 60
# Of a zone without a name: clocks change at night, and go on at a full or a half hour.
_NIGHT = frozenset({*range(5 * 60), *range(23 * 60, _DAY_MINUTES)})
_FULL_OR_HALF = frozenset({0, 30})


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the clocks. at: the first minute of the new time. before, after: minutes that the zone is ahead of UTC."""

    at: datetime
    before: int
    after: int


@lru_cache(maxsize=256)
def offsets(zone: str) -> frozenset[int]:
    """Return the zone's distances from UTC, in minutes."""
    return frozenset(_offset(ZoneInfo(zone), moment) for moment in _moments())


@lru_cache(maxsize=256)
def gap_ends(zone: str | None) -> frozenset[int]:
    """Return the minutes of the hour, by the zone's clock, at which clocks that were put forward go on; None: of any zone."""
    if zone is None:
        return _FULL_OR_HALF
    rules = ZoneInfo(zone)
    return frozenset(change.at.astimezone(rules).minute for change in _changes(rules) if change.after > change.before)


@lru_cache(maxsize=256)
def readings(zone: str | None) -> frozenset[int]:
    """Return the readings of the zone's clock, in minutes of the day, that a change skips or repeats. zone: None if unknown."""
    if zone is None:
        return _NIGHT
    found: set[int] = set()
    for change in _changes(ZoneInfo(zone)):
        first, last = sorted((change.before, change.after))
        midnight = change.at.hour * 60 + change.at.minute
        found |= {(midnight + minute) % _DAY_MINUTES for minute in range(first, last)}
    return frozenset(found)


def changes(zone: str) -> tuple[Change, ...]:
    """Return the changes of a zone's clocks, oldest first."""
    return tuple(_changes(ZoneInfo(zone)))


def _changes(rules: ZoneInfo) -> Iterator[Change]:
    before = _FROM
    for after in _moments():
        if _offset(rules, after) != _offset(rules, before):
            yield Change(_moment(rules, before, after), _offset(rules, before), _offset(rules, after))
        before = after


def _moment(rules: ZoneInfo, before: datetime, after: datetime) -> datetime:
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
