"""Counting requests: in the memory of a warm function first, in the counters table as far as a limit demands."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from chalicelib import config
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.limits import Limit, Standing
from chalicelib.store import counters as counter_store

# key, count, at_most, expires_at -> the sum, or None if it was full; see chalicelib/store/counters.py
Add = Callable[[str, int, int, datetime], int | None]

# After the table failed to answer, what may go on without it does not wait for it again for so long.
BLIND_FOR = timedelta(seconds=30)
KEPT_AFTER = timedelta(hours=1)
MAX_TALLIES = 10_000


@dataclass(slots=True)
class Tally:
    """One caller's window here. shared: the table's sum as last heard, our part included; pending: not told to the table."""

    ends_at_s: int
    shared: int = 0
    pending: int = 0

    @property
    def total(self) -> int:
        return self.shared + self.pending


class Limiter:
    """Counts for one process, which serves one request at a time. factor: multiplies every limit of the table."""

    def __init__(self, add: Add, factor: int = 1) -> None:
        self._add = add
        self._factor = factor
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._blind_until = datetime.min.replace(tzinfo=UTC)

    def count(self, limit: Limit, who: str, now: datetime) -> Standing:
        """Count one request and return how its sender stands. A refusal costs one write at most, a repeated one none.

        Raise Unavailable if the table does not answer and the limit refuses to go on without it.
        """
        most = limit.times * self._factor
        tally = self._tally(limit, who, now)
        if tally.total >= most:
            return Standing(limit, most, 0, tally.ends_at_s, is_over=True)
        tally.pending += 1
        if tally.pending >= (1 if limit.is_exact else max(1, most // 10)):
            self._share(limit, who, tally, most, now)
        return Standing(limit, most, max(0, most - tally.total), tally.ends_at_s, is_over=tally.total > most)

    def _share(self, limit: Limit, who: str, tally: Tally, most: int, now: datetime) -> None:
        if now < self._blind_until and not limit.refuses_blind:
            return
        expires_at = datetime.fromtimestamp(tally.ends_at_s, UTC) + KEPT_AFTER
        try:
            shared = self._add(f"{limit.name}#{who}#{tally.ends_at_s}", tally.pending, most, expires_at)
        except Unavailable:
            if limit.refuses_blind:
                tally.pending = 0
                raise
            self._blind_until = now + BLIND_FOR
            return
        tally.shared, tally.pending = most + 1 if shared is None else shared, 0

    def _tally(self, limit: Limit, who: str, now: datetime) -> Tally:
        ends_at_s = (int(now.timestamp()) // limit.window_s + 1) * limit.window_s
        known = self._tallies.get((limit.name, who))
        if known is None or known.ends_at_s != ends_at_s:
            self._make_room(now)
            known = self._tallies[limit.name, who] = Tally(ends_at_s)
        return known

    def _make_room(self, now: datetime) -> None:
        if len(self._tallies) < MAX_TALLIES:
            return
        self._tallies = {key: tally for key, tally in self._tallies.items() if tally.ends_at_s > now.timestamp()}
        # So many callers at once are no callers. The table still knows them.
        if len(self._tallies) >= MAX_TALLIES:
            self._tallies.clear()


@cache
def limiter() -> Limiter:
    """Return the one limiter of this process."""
    return Limiter(counter_store.add, config.rate_limit_factor())
