"""How many runs there were, by status and how long they took: for a day, and for each of the last hours."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chalicelib.domain.health import Health, health
from chalicelib.domain.packing import pack, unpack
from chalicelib.domain.runs import STATUSES, RunStatus

HOURS_KEPT = 25
_FAILURES: tuple[RunStatus, ...] = ("failure", "timeout")


@dataclass(frozen=True, slots=True)
class Tally:
    """counts: one number for each of STATUSES, in their order. timed: how many runs the two durations come from."""

    counts: tuple[int, ...] = (0,) * len(STATUSES)
    timed: int = 0
    total_ms: int = 0
    longest_ms: int = 0

    @property
    def runs(self) -> int:
        return sum(self.counts)

    @property
    def successes(self) -> int:
        return self.of("success")

    @property
    def failures(self) -> int:
        return sum(map(self.of, _FAILURES))

    @property
    def health(self) -> Health:
        return health(self.successes, self.failures)

    @property
    def average_ms(self) -> int | None:
        return self.total_ms // self.timed if self.timed else None

    def of(self, status: RunStatus) -> int:
        return self.counts[STATUSES.index(status)]

    def only(self, status: RunStatus) -> "Tally":
        """Return this tally as if no run had another status; durations are not known by status."""
        return Tally(tuple(count if name == status else 0 for name, count in zip(STATUSES, self.counts, strict=True)))

    def counting(self, status: RunStatus, duration_ms: int | None, *, was_open: bool) -> "Tally":
        """Return the tally with one more run of this status. was_open: its start was counted, as running, before."""
        changes = {status: 1}
        if was_open:
            changes["running"] = -1
        counts = tuple(max(0, count + changes.get(name, 0)) for name, count in zip(STATUSES, self.counts, strict=True))
        if duration_ms is None or status == "running":
            return Tally(counts, self.timed, self.total_ms, self.longest_ms)
        return Tally(counts, self.timed + 1, self.total_ms + duration_ms, max(self.longest_ms, duration_ms))

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            self.timed + other.timed,
            self.total_ms + other.total_ms,
            max(self.longest_ms, other.longest_ms),
        )

    def to_text(self) -> str:
        """Return it in a few bytes: the counts, then what is known of durations."""
        return ",".join(map(str, (*self.counts, self.timed, self.total_ms, self.longest_ms)))

    @classmethod
    def from_text(cls, text: str) -> "Tally":
        *counts, timed, total_ms, longest_ms = map(int, text.split(","))
        return cls(tuple(counts), timed, total_ms, longest_ms)


def total(tallies: Iterable[Tally]) -> Tally:
    """Return the sum."""
    return sum(tallies, Tally())


@dataclass(frozen=True, slots=True)
class Hours:
    """What the newest 25 hours in which something ran hold. counts: (hour since the epoch, status) -> how many."""

    counts: Mapping[tuple[int, RunStatus], int] = field(default_factory=dict)

    def counting(self, hour: int, status: RunStatus, *, was_open: bool) -> "Hours":
        """Return the hours with one more run of this status; what is older than 25 hours before the newest is dropped."""
        counts = dict(self.counts)
        counts[hour, status] = counts.get((hour, status), 0) + 1
        if was_open:
            counts[hour, "running"] = counts.get((hour, "running"), 0) - 1
        oldest = max(known for known, _ in counts) - HOURS_KEPT + 1
        return Hours({key: count for key, count in counts.items() if count > 0 and key[0] >= oldest})

    def since(self, hour: int) -> Tally:
        """Return the sum from this hour on, without durations."""
        counts = dict.fromkeys(STATUSES, 0)
        for (known, status), count in self.counts.items():
            if known >= hour:
                counts[status] += count
        return Tally(tuple(counts.values()))

    def to_bytes(self) -> bytes:
        """Return them packed: for each number its hour, back from the newest, with its status, and the number."""
        if not self.counts:
            return b""
        newest = max(hour for hour, _ in self.counts)
        numbers = [newest]
        for (hour, status), count in sorted(self.counts.items()):
            numbers += [(newest - hour) << 3 | STATUSES.index(status), count]
        return pack(numbers)

    @classmethod
    def from_bytes(cls, packed: bytes) -> "Hours":
        if not packed:
            return cls()
        newest, *numbers = unpack(packed)
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        return cls({(newest - (which >> 3), STATUSES[which & 7]): count for which, count in pairs})
