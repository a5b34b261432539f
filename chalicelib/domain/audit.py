"""The audit log: one chain of entries per tenant, each sealed with the hash of the one before.

Whoever holds the newest hash holds all of them: an entry that is changed, removed or put in breaks every hash that follows.
Pure, so that a copy of the log can be verified anywhere, without us.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from chalicelib.domain import times

KEPT = timedelta(days=365)
# What stands before the first entry.
GENESIS = "0" * 64
# The log of what operators do, and of what belongs to no tenant.
OPERATOR = "operator"
MAX_VALUE = 200

Outcome = Literal["done", "refused", "failed"]

# Never part of what is hashed: the seal itself.
_SEAL = ("hash", "prev_hash")


@dataclass(frozen=True, slots=True)
class Unaudited:
    """Why a route that changes something writes no entry."""

    why: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. kind: user, token, enroll, endpoint, operator or anonymous. token_id, session_id: by which credential."""

    kind: str
    name: str
    token_id: str | None = None
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """What happened. target: what it was done to, ids and names only. error: code of the refusal.

    count: how many like it within the hour this entry stands for, None for an entry of its own.
    """

    tenant_id: str
    action: str
    outcome: Outcome
    by: Actor
    at: datetime
    request_id: str
    address: str | None = None
    target: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the chain. facts: what is hashed, as JSON has it; see `seal`."""

    facts: Mapping[str, Any]
    prev_hash: str
    hash: str

    @property
    def seq(self) -> int:
        return int(self.facts["seq"])

    @property
    def at(self) -> datetime:
        return times.from_text(self.facts["at"])

    def as_json(self) -> dict[str, Any]:
        """Return the entry as the API shows it and `entry_from` reads it."""
        return {**self.facts, "prev_hash": self.prev_hash, "hash": self.hash}


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain does not hold, and why. seq: of the first entry that does not fit."""

    seq: int
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """first_seq, last: of what was read, None if that was nothing. broken: None if every link holds."""

    checked: int
    first_seq: int | None
    last: Entry | None
    broken: Break | None


def follow(before: Entry | None, act: Act) -> Entry:
    """Return the entry for this act. Its moment is never before that of the entry before it, so that the log is in order."""
    at = max(act.at, before.at) if before else act.at
    facts: dict[str, Any] = {
        "v": 1,
        "tenant_id": act.tenant_id,
        "seq": before.seq + 1 if before else 1,
        "at": times.to_text(at),
        "prev_at": before.facts["at"] if before else None,
        "action": act.action,
        "outcome": act.outcome,
        "error": act.error,
        "by": {"kind": act.by.kind, "name": act.by.name, "token_id": act.by.token_id, "session_id": act.by.session_id},
        "address": act.address,
        "request_id": act.request_id,
        "target": {name: value[:MAX_VALUE] for name, value in act.target.items()},
        "count": act.count,
    }
    prev_hash = before.hash if before else GENESIS
    return Entry(facts, prev_hash, seal(prev_hash, facts))


def seal(prev_hash: str, facts: Mapping[str, Any]) -> str:
    """Return SHA-256(prev_hash, canonical JSON), hex."""
    return hashlib.sha256(prev_hash.encode() + canonical(facts).encode()).hexdigest()


def canonical(facts: Mapping[str, Any]) -> str:
    """Return the one text of these facts: keys sorted, no space, what is null or part of the seal left out.

    So a field that a later version adds changes no hash of before.
    """
    return json.dumps(_without_null(facts), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def entry_from(shown: Mapping[str, Any]) -> Entry:
    """Return the entry that the API, or an export, shows. Raise ValueError if it is none."""
    try:
        facts = {name: value for name, value in shown.items() if name not in _SEAL}
        entry = Entry(facts, str(shown["prev_hash"]), str(shown["hash"]))
        _ = entry.seq, entry.at
    except (KeyError, TypeError, AttributeError, ValueError) as e:
        raise ValueError(f"this is no entry of an audit log: {e}") from e
    return entry


def verify(entries: Iterable[Entry], now: datetime, after: Entry | None = None) -> Verdict:
    """Read a chain, oldest entry first, and return how far it holds.

    after: the entry before the first of these, as verified earlier; None if they begin the log, or what is left of it.
    """
    checked, first, last = 0, None, after
    for entry in entries:
        checked += 1
        first = first or entry
        if why := _problem(entry, last, now):
            return Verdict(checked, first.seq, last, Break(entry.seq, why))
        last = entry
    return Verdict(checked, first.seq if first else None, last, None)


def expires_at(entry: Entry) -> datetime:
    """Return from when on the entry may be gone."""
    return entry.at + KEPT


def link_problem(entry: Entry, before: Entry | None) -> str | None:
    """Return why an entry does not follow the one before it, None if it does. before: None if it is not known."""
    if seal(entry.prev_hash, entry.facts) != entry.hash:
        return "its content is not what was sealed"
    if before is None:
        return None
    if entry.seq != before.seq + 1:
        return f"it follows entry {before.seq}; what stood between is missing"
    if entry.prev_hash != before.hash:
        return f"it was sealed after another entry than {before.seq} as that stands here"
    return None


def _problem(entry: Entry, before: Entry | None, now: datetime) -> str | None:
    return link_problem(entry, before) or (_problem_of_first(entry, now) if before is None else None)


def _problem_of_first(entry: Entry, now: datetime) -> str | None:
    if entry.seq == 1:
        return None if entry.prev_hash == GENESIS else "it is the first and was sealed after another one"
    prev_at = entry.facts.get("prev_at")
    if not prev_at or times.from_text(prev_at) + KEPT > now:
        return f"the entries before it are missing, though entry {entry.seq - 1} is younger than {KEPT.days} days"
    return None


def _without_null(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_null(inner) for name, inner in value.items() if inner is not None and name not in _SEAL}
    return value
