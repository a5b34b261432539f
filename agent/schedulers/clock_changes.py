"""How a zone's clock is set over the years that a schedule is planned for."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

# What is decided of zones later matters when the agent starts anew.
_FROM, _UNTIL = datetime(2024, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
_STEP = timedelta(days=7)
DAY = 1440  # minutes


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the clock. at: the first minute of the new time, from 1970. before, after: minutes ahead of UTC."""

    at: int
    before: int
    after: int

    @property
    def touched(self) -> frozenset[int]:
        """The minutes of the day, by the clock, that it skips or repeats."""
        first, last = sorted((self.at + self.before, self.at + self.after))
        return frozenset(minute % DAY for minute in range(first, last))


@dataclass(frozen=True, slots=True)
class Clock:
    """A zone. first: its distance from UTC to begin with, in minutes; changes: oldest first."""

    first: int
    changes: tuple[Change, ...]

    @property
    def offsets(self) -> frozenset[int]:
        """All its distances from UTC, in minutes."""
        return frozenset({self.first, *(change.after for change in self.changes)})

    @property
    def table(self) -> list[list[int]]:
        """From which minute of 1970 on it is how far from UTC."""
        return [[0, self.first], *([change.at, change.after] for change in self.changes)]

    @property
    def touched(self) -> frozenset[int]:
        """The minutes of the day that some change skips or repeats."""
        return frozenset().union(*(change.touched for change in self.changes))


@lru_cache(maxsize=64)
def clock_of(zone: str) -> Clock:
    """Return how a zone's clock is set. Raise ZoneInfoNotFoundError if there is none of that name."""
    rules = ZoneInfo(zone)
    moments = [_FROM + number * _STEP for number in range((_UNTIL - _FROM) // _STEP)]
    offsets = [_offset(rules, moment) for moment in moments]
    pairs = zip(moments, moments[1:], offsets, offsets[1:], strict=False)
    changes = tuple(
        Change(_first(rules, start, end, after), before, after) for start, end, before, after in pairs if before != after
    )
    return Clock(offsets[0], changes)


def _first(rules: ZoneInfo, before: datetime, after: datetime, wanted: int) -> int:
    """Return the first minute with the offset `wanted`; between the two moments the offset changes once."""
    while after - before > timedelta(minutes=1):
        middle = before + timedelta(minutes=(after - before) // timedelta(minutes=2))
        before, after = (before, middle) if _offset(rules, middle) == wanted else (middle, after)
    return int(after.timestamp()) // 60


def _offset(rules: ZoneInfo, moment: datetime) -> int:
    return round((moment.astimezone(rules).utcoffset() or timedelta()).total_seconds() / 60)
