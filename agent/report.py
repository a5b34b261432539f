"""Delivery: every run in the spool reaches the server, at least once, oldest first."""

import hashlib
import json
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from agent import spool as spools
from agent import spool_quota
from agent.errors import of_os_error
from agent.spool import Backlog, ProcessAlive, Record
from chalicelib.domain import times
from chalicelib.domain.errors import (
    Conflict,
    CrontopusError,
    Invalid,
    Malformed,
    TooLarge,
    Unavailable,
)
from chalicelib.domain.runs import MAX_BATCH

MAX_BODY = 200_000  # bytes of JSON; the server refuses more than 256 KB
GATHER_S = 2.0  # a success waits this long for company
MINUTE_BEGINS_S, SPREAD_S = 10, 6.0  # what ended right after the full minute waits longer, each machine as long as always
POLL_S = 1.0
TIDY_S = 60.0
MAX_WAIT_S = 30.0  # while waiting helps: a server that is back gets its runs soon
MAX_ASKED_WAIT_S = 300.0  # if it asks for that
MAX_REFUSED_WAIT_S = 3600.0  # while a person has to do something
_DELIVERED = ("created", "updated", "duplicate")
_REFUSED = ("conflict", "invalid")

log = logging.getLogger(__name__)

# Sends runs and returns what became of each, in order; agent.client.Api.check_in.
CheckIn = Callable[[Sequence[Mapping[str, object]]], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Delivered:
    """One step. wait_s: when the next one makes sense; 0 says that more is waiting. problem: why nothing goes on for now."""

    sent: int
    wait_s: float
    problem: CrontopusError | None = None


class Delivery:
    """Takes runs from the spool to the server, one batch a step; remembers only how long to wait."""

    def __init__(
        self,
        spool: Path,
        endpoint_id: str,
        check_in: CheckIn,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        process_alive: ProcessAlive = spools.process_alive,
        elsewhere: Callable[[], Sequence[Path]] = tuple,
        stopped: Callable[[], CrontopusError | None] = lambda: None,
        max_bytes: int = spool_quota.MAX_BYTES,
        saw: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        """clock: seconds, monotonic. chance: 0 to 1, spreads the tries of many hosts. elsewhere: see spool.list_records.

        stopped: tells why nothing may be sent at all. max_bytes: of the spool, before outputs are dropped.
        saw: hears of every run that is read, again and again until it is delivered.
        """
        self.spool = spool
        self.endpoint_id = endpoint_id
        self.check_in = check_in
        self.clock = clock
        self.chance = chance
        self.process_alive = process_alive
        self.elsewhere = elsewhere
        self.stopped = stopped
        self.max_bytes = max_bytes
        self.saw = saw
        self.dropped_outputs = 0
        self._spread_s = spread_of(endpoint_id)
        self._settled: dict[str, str] = {}  # run_id -> why it belongs in quarantine; empty: it is delivered
        self._announced: set[str] = set()
        self._gather_until: float | None = None
        self._failures = 0
        self._not_before = 0.0
        self._tidy_at = 0.0
        self._problem: CrontopusError | None = None

    def deliver_once(self, now: datetime) -> Delivered:
        """Send at most one batch, if it is time. now: aware; becomes reported_at.

        Errors of the API or the disk do not leave here: they are the answer's `problem`, and the next step waits longer.
        """
        at = self.clock()
        self._tidy(at, now)
        if at < self._not_before:
            return Delivered(0, self._not_before - at, self._problem)
        if why := self.stopped():
            return Delivered(0, POLL_S, why)
        try:
            records = self._next_records(now)
            wait_s = self._gather(records, at, now)
            if wait_s:
                return Delivered(0, wait_s)
            self._send(records, now)
        except OSError as e:
            return self._failed(of_os_error(e, f"the spool {self.spool} cannot be used"))
        except CrontopusError as e:
            return self._failed(e)
        self._failures, self._problem, self._gather_until = 0, None, None
        return Delivered(len(records), 0.0)

    def problems(self, waiting: Backlog) -> list[str]:
        """Return what somebody should look at, in words."""
        aside = self.spool / spools.QUARANTINE
        found = {
            f"{waiting.quarantined} runs could not be delivered and lie in {aside}": waiting.quarantined,
            f"{waiting.lost} results or outputs could not be written to {self.spool}; see syslog": waiting.lost,
            f"{self.dropped_outputs} outputs were dropped to keep the spool small": self.dropped_outputs,
            f"{len(self._settled)} runs are done with, but {self.spool} cannot be written": len(self._settled),
        }
        return [text for text, count in found.items() if count]

    def retry_now(self) -> None:
        """Do not wait any longer: something has told us that the server takes our calls again."""
        self._failures, self._not_before = 0, 0.0

    def backlog(self) -> Backlog:
        """Return what the server has not confirmed yet."""
        return spools.backlog(self.spool, self.process_alive, self._settled)

    def _next_records(self, now: datetime) -> list[Record]:
        """Return the oldest records that fit into one request."""
        listed = spools.list_records(
            self.spool,
            times.to_millis(now),
            self.process_alive,
            announced=self._announced,
            limit=MAX_BATCH,
            settled=self._settled,
            elsewhere=self.elsewhere,
        )
        if self.saw:
            for record in listed:
                self.saw(record.run)
        size = 0
        records: list[Record] = []
        for record in listed:
            size += len(json.dumps(self._body(record, now))) + 2
            if records and size > MAX_BODY:
                break
            records.append(record)
        return records

    def _gather(self, records: Sequence[Record], at: float, now: datetime) -> float:
        """Return how long to wait for more; 0: send these now."""
        if not records:
            self._gather_until = None
            return POLL_S
        if self._gather_until is None:
            self._gather_until = at + GATHER_S + (self._spread_s if now.second < MINUTE_BEGINS_S else 0.0)
        if self._failures or len(records) == MAX_BATCH or any(record.is_urgent for record in records):
            return 0.0
        return max(0.0, min(POLL_S, self._gather_until - at))

    def _body(self, record: Record, now: datetime) -> dict[str, Any]:
        return record.run | {"endpoint_id": self.endpoint_id, "reported_at": times.to_text(now)}

    def _send(self, records: Sequence[Record], now: datetime) -> None:
        """Send a batch and settle each of its runs. One the server cannot take at all is found by halving."""
        try:
            results = self.check_in([self._body(record, now) for record in records])
        except (Malformed, Invalid, Conflict, TooLarge) as e:
            if len(records) == 1:
                self._settle(records[0], {"outcome": "invalid", "message": e.message})
                return
            half = len(records) // 2
            self._send(records[:half], now)
            self._send(records[half:], now)
            return
        if len(results) != len(records):
            raise Unavailable(f"the API answered for {len(results)} runs of {len(records)}")
        for record, result in zip(records, results, strict=True):
            self._settle(record, result)

    def _settle(self, record: Record, result: Mapping[str, Any]) -> None:
        outcome = result.get("outcome")
        if outcome not in _DELIVERED + _REFUSED:
            raise Unavailable(f"the API answered {outcome!r} for a run")
        if record.is_going_on:
            self._announced.add(record.run_id)  # refused or not: its result is what counts
            return
        self._announced.discard(record.run_id)
        is_done = outcome in _DELIVERED or (outcome == "conflict" and record.is_guess)
        self._clear(record.run_id, "" if is_done else f"{outcome}: {result.get('message')}")

    def _clear(self, run_id: str, why: str) -> None:
        """Take a run out of the spool. Where the disk does not let us, it is at least not sent again and again."""
        try:
            if why:
                spools.quarantine(self.spool, run_id, why)
            else:
                spools.remove(self.spool, run_id)
        except OSError as e:
            if run_id not in self._settled:
                log.warning("a run is done with, but stays in the spool", extra={"run_id": run_id, "why": str(e)})
            self._settled[run_id] = why
        else:
            self._settled.pop(run_id, None)

    def _failed(self, error: CrontopusError) -> Delivered:
        """Decide how long to wait: longer each time, never in step with other hosts."""
        self._failures += 1
        self._problem = error
        wait_s = wait_after(error, self._failures, self.chance())
        self._not_before = self.clock() + wait_s
        log.warning("runs wait in the spool", extra={"why": error.message, "wait_s": round(wait_s, 1)})
        return Delivered(0, wait_s, error)

    def _tidy(self, at: float, now: datetime) -> None:
        if at >= self._tidy_at:
            self._tidy_at = at + TIDY_S
            for run_id, why in list(self._settled.items()):
                self._clear(run_id, why)
            with suppress(OSError):
                self.dropped_outputs += spool_quota.tidy(self.spool, now.timestamp(), self.max_bytes)


def spread_of(endpoint_id: str) -> float:
    """Return how many seconds this machine waits beyond others after the full minute, always the same."""
    return int.from_bytes(hashlib.sha256(endpoint_id.encode()).digest()[:4], "big") / 2**32 * SPREAD_S


def wait_after(error: CrontopusError, failures: int, chance: float) -> float:
    """Return the seconds until the next try. failures: in a row, from 1. chance: 0 to 1.

    The server's Retry-After counts as the least, up to five minutes.
    """
    spread = 1 + chance / 2
    if isinstance(error, Unavailable):
        asked_s = min(error.retry_after_s * spread, MAX_ASKED_WAIT_S)
        return max(min(MAX_WAIT_S, min(2.0**failures, 20.0) * spread), asked_s)
    return min(MAX_REFUSED_WAIT_S, 30.0 * 2.0 ** min(failures - 1, 10) * spread)
