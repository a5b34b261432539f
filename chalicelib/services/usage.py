"""Metering: what each tenant uses, gathered in the memory of a warm function and written now and then.

A function that ends takes with it what it has not written: at most 99 calls of each tenant, and of a busy tenant at most the
last five minutes. Nothing is ever counted twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.runs import Outcome, Run
from chalicelib.domain.usage import CALLS_AT_ONCE, SECONDS_AT_MOST, Usage, month_of
from chalicelib.store import endpoints as endpoint_store
from chalicelib.store import usage as usage_store

# tenant, month, what was used, now; see chalicelib/store/usage.py
Add = Callable[[str, str, Usage, datetime], None]
BLIND_FOR = timedelta(seconds=30)
MAX_TALLIES = 10_000


@dataclass(frozen=True, slots=True)
class Bill:
    """What a tenant used in one month, and how many endpoints it has now."""

    month: str
    used: Usage
    endpoints: int


@dataclass(slots=True)
class Tally:
    since: datetime
    used: Usage


class Meter:
    """Gathers for one process, which serves one request at a time. add: writes a sum down."""

    def __init__(self, add: Add) -> None:
        self._add = add
        # By tenant and month; in the order of their first use, so that the oldest comes first.
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._blind_until = datetime.min.replace(tzinfo=UTC)

    def note(self, tenant_id: str, used: Usage, now: datetime) -> None:
        """Count what a tenant used; one write at most, and as a rule none."""
        key = (tenant_id, month_of(now))
        tally = self._tallies.setdefault(key, Tally(now, Usage()))
        tally.used += used
        if now < self._blind_until:
            return
        oldest = next(iter(self._tallies))
        is_old = now - self._tallies[oldest].since >= timedelta(seconds=SECONDS_AT_MOST)
        if tally.used.calls >= CALLS_AT_ONCE:
            self._write(key, now)
        elif is_old or len(self._tallies) > MAX_TALLIES:
            self._write(oldest, now)

    def _write(self, key: tuple[str, str], now: datetime) -> None:
        tenant_id, month = key
        try:
            self._add(tenant_id, month, self._tallies[key].used, now)
        except Unavailable:
            self._blind_until = now + BLIND_FOR
            return
        del self._tallies[key]


@cache
def meter() -> Meter:
    """Return the one meter of this process."""
    return Meter(usage_store.add)


def note_runs(runs: Sequence[Run], outcomes: Sequence[Outcome]) -> None:
    """Count the runs among these reports that the ledger took; a report that came again is none."""
    taken = [run for run, outcome in zip(runs, outcomes, strict=True) if outcome in ("created", "updated")]
    if taken:
        stored_bytes = sum(len((run.output or "").encode("utf-8", "replace")) for run in taken)
        meter().note(taken[0].tenant_id, Usage(check_ins=len(taken), stored_bytes=stored_bytes), taken[0].received_at)


def note_ping(tenant_id: str, run: Run | None, now: datetime) -> None:
    """Count a ping, which has no credential of a tenant, and what the run that it ended brought with it."""
    output = run.output if run and run.is_finished else None
    meter().note(tenant_id, Usage(1, 1, len((output or "").encode("utf-8", "replace"))), now)


def bill(tenant_id: str, month: str) -> Bill:
    """Return what a tenant used in a month, as far as it has been written down."""
    return Bill(month, usage_store.find(tenant_id, month), endpoint_store.count_of_tenant(tenant_id))
