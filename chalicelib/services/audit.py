"""Writing into the audit log, and reading it back.

An entry is written after the act it tells of. If it cannot be written the act stands and the answer stays what it is;
then the log line holds all that the entry would have said. See docs/adr/0013.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import dropwhile
from typing import Any

from chalicelib.domain import audit
from chalicelib.domain.audit import Act, Entry, Outcome, Verdict
from chalicelib.domain.errors import CrontopusError
from chalicelib.logs import log
from chalicelib.store import audit as audit_store
from chalicelib.store import counters as counter_store
from chalicelib.store import tenants as tenant_store

# key, count, at_most, expires_at -> the sum, or None if it was full; see chalicelib/store/counters.py
Add = Callable[[str, int, int, datetime], int | None]

HOUR_S = 3600
# One entry for the first of a kind within an hour, one for the tenth, and so on: a flood fills no log.
SUMMED_AT = (1, 10, 100, 1_000, 10_000, 100_000)
MAX_SUM = 1_000_000
EACH_UP_TO = 10
MAX_KEYS = 10_000
MAX_PAGE = 200
# How many entries one request looks at when it filters, and how many it verifies.
MAX_LOOKED_AT = 2_000
MAX_VERIFIED = 1_000


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries to list; None takes all. action: whole, or what stands before its dot. since, until: both included."""

    action: str | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, entry: Entry) -> bool:
        action = str(entry.facts["action"])
        return (
            (self.action is None or action == self.action or action.startswith(f"{self.action}."))
            and (self.outcome is None or entry.facts["outcome"] == self.outcome)
            and (self.since is None or entry.at >= self.since)
            and (self.until is None or entry.at <= self.until)
        )


@dataclass(frozen=True, slots=True)
class Page:
    """entries: newest first. next: number before which to go on, None when there are no more. head: the newest of all."""

    entries: list[Entry]
    next: int | None
    head: Entry | None


def record(act: Act) -> None:
    """Write an entry. Never raises: what cannot be written is logged whole, once."""
    try:
        audit_store.append(act)
    except CrontopusError as e:
        log.error("audit entry lost", extra={"why": e.message, "entry": audit.follow(None, act).facts})


def record_refusal(act: Act, claimed: str | None = None) -> None:
    """Write an entry for a refused attempt, at the first of its kind within the hour, the tenth, the hundredth ...

    claimed: the account a stranger claims to be. If there is one of this name the entry is its own, otherwise the operator's,
    who is not told the name: people type passwords there. Both cases ask the tables the same, so that neither is faster.
    """
    who = claimed if claimed is not None else f"{act.tenant_id}#{act.by.kind}#{act.by.name}"
    name = hashlib.sha256(f"{act.action}#{who}#{act.address}".encode()).hexdigest()
    known = claimed is None or tenant_store.find(claimed) is not None
    try:
        count = refusals().count(f"audit#{name}", act.at)
    except CrontopusError as e:
        log.error("refusals are not counted", extra={"why": e.message})
        return
    if count and known:
        record(replace(act, tenant_id=claimed or act.tenant_id, count=count))
    elif count:
        record(replace(act, tenant_id=audit.OPERATOR, by=replace(act.by, name="unknown"), count=count))


class Refusals:
    """Counts refusals by the hour: the first ten are each told to the table, after that every tenth."""

    def __init__(self, add: Add) -> None:
        self._add = add
        self._hour = 0
        self._told: dict[str, int] = {}
        self._pending: dict[str, int] = {}

    def count(self, key: str, at: datetime) -> int | None:
        """Count one refusal and return the sum if it has just reached 1, 10, 100 ..., None otherwise."""
        hour = int(at.timestamp()) // HOUR_S
        if hour != self._hour or len(self._told) > MAX_KEYS:
            self._hour, self._told, self._pending = hour, {}, {}
        pending = self._pending.get(key, 0) + 1
        if self._told.get(key, 0) >= EACH_UP_TO and pending < EACH_UP_TO:
            self._pending[key] = pending
            return None
        expires_at = datetime.fromtimestamp((hour + 2) * HOUR_S, UTC)
        total = self._add(f"{key}#{hour}", pending, MAX_SUM, expires_at) or 0
        self._told[key], self._pending[key] = total, 0
        reached = [mark for mark in SUMMED_AT if total - pending < mark <= total]
        return max(reached, default=None)


@cache
def refusals() -> Refusals:
    """Return the one counter of this process."""
    return Refusals(counter_store.add)


def list_entries(tenant_id: str, wanted: AuditFilter, limit: int, before_seq: int | None, now: datetime) -> Page:
    """Return a page of a tenant's log. It may be empty and not be the last: at most 2,000 entries are looked at."""
    head = audit_store.head(tenant_id)
    if head is None:
        return Page([], None, None)
    start = before_seq if before_seq is not None else _start(tenant_id, wanted.until, head, now)
    found: list[Entry] = []
    looked_at, last = 0, None
    for entry in audit_store.newest(tenant_id, start, MAX_LOOKED_AT):
        if audit.expires_at(entry) <= now or (wanted.since and entry.at < wanted.since):
            return Page(found, None, head)
        looked_at, last = looked_at + 1, entry
        if wanted.takes(entry):
            found.append(entry)
        if len(found) == limit:
            break
    more = last is not None and last.seq > 1 and (len(found) == limit or looked_at == MAX_LOOKED_AT)
    return Page(found, last.seq if last and more else None, head)


def _start(tenant_id: str, until: datetime | None, head: Entry, now: datetime) -> int:
    """Return the number before which the entries until that moment stand, by halving: the log is in order of time."""
    low, high = 0, head.seq + 1
    if until is None or head.at <= until:
        return high
    while low + 1 < high:
        middle = (low + high) // 2
        entry = audit_store.find(tenant_id, middle)
        # What is gone by its age is older than anything that is left.
        if entry is None or entry.at <= until:
            low = middle
        else:
            high = middle
    return high


def verify(tenant_id: str, after_seq: int | None, now: datetime) -> tuple[Verdict, Entry | None, bool]:
    """Verify up to 1,000 entries of a tenant's log and return the verdict, the newest entry, and whether that was all.

    after_seq: number of an entry that was verified before; None begins with the oldest there is.
    """
    head = audit_store.head(tenant_id)
    before = audit_store.find(tenant_id, after_seq) if after_seq else None
    entries = list(audit_store.oldest(tenant_id, after_seq or 0, MAX_VERIFIED))
    if before is None:
        # Expired entries go whenever it suits DynamoDB, in any order; what is left of them proves nothing.
        entries = list(dropwhile(lambda entry: audit.expires_at(entry) <= now, entries)) or entries[-1:]
    verdict = audit.verify(entries, now, before)
    is_all = verdict.broken is not None or head is None or verdict.last is None or verdict.last.seq >= head.seq
    return verdict, head, is_all


def target_of(arguments: Mapping[str, str], answer: Any, noted: Mapping[str, str]) -> dict[str, str]:
    """Return what a request was about: its path's arguments, the ids and names in its answer, and what the handler noted.

    Only these few fields are taken from an answer, so that no secret and no manifest gets here.
    """
    target = dict(arguments)
    if isinstance(answer, Mapping):
        target |= {name: str(answer[name]) for name in ("commit",) if answer.get(name)}
        for thing, shown in answer.items():
            if isinstance(shown, Mapping):
                target |= {f"{thing}.{name}": _text(shown[name]) for name in NAMING if shown.get(name)}
    return target | dict(noted)


NAMING = ("id", "name", "namespace", "username", "scopes", "state")


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
