"""How a zone's clock is set over the years that a schedule is planned for, in minutes."""

from dataclasses import dataclass
from functools import lru_cache

from agent import zone_changes

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
    found = [Change(int(one.at.timestamp()) // 60, one.before, one.after) for one in zone_changes.changes(zone)]
    return Clock(found[0].before if found else min(zone_changes.offsets(zone)), tuple(found))
