"""audit.log: what the agent changed on this machine, one JSON line each, every line sealed with the hash of the one before.

Whoever holds the newest hash holds all of them: an entry that is changed, taken out or put in breaks every seal that follows.
"""

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Literal

from agent.home import Home, locked, login_of, sync_folder
from agent.system import system
from chalicelib.domain.audit import GENESIS, Entry, entry_from, link_problem, seal
from chalicelib.domain.errors import CrontopusError
from chalicelib.domain.times import to_text

log = logging.getLogger(__name__)

MAX_BYTES = 1024 * 1024
KEPT_FILES = 9
_WAIT_S = 5
# More than an entry ever takes.
_TAIL_BYTES = 64 * 1024

Kind = Literal[
    "enrolled", "started", "reloaded", "table", "round", "token_rotated", "restored", "suspended", "resumed", "uninstalled",
    "updated", "credentials_moved", "repaired", "trimmed",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Link:
    """One line as it stands in a file. entry: None where it is none. place: file and line, for a person."""

    place: str
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """checked: how many entries hold. broken: the first thing that does not fit, None if all do. torn: bytes of a line that a
    crash cut short; the next entry takes them away.
    """

    checked: int
    first: Entry | None
    last: Entry | None
    broken: str | None
    torn: int = 0


def utc_now() -> datetime:
    return datetime.now(UTC)


def record(home: Home, kind: Kind, facts: Mapping[str, object], now: Callable[[], datetime] = utc_now) -> None:
    """Append an entry. The work goes on if that is impossible: the agent's own log then says so."""
    try:
        with locked(_lock(home), wait_s=_WAIT_S):
            _append(home.audit_log, kind, facts, now())
    except (CrontopusError, OSError) as e:
        log.warning("the audit log cannot be written", extra={"kind": kind, "why": str(e)})


def links(home: Home) -> Iterator[Link]:
    """Yield every line, the oldest first."""
    for path in _files(home.audit_log):
        with suppress(FileNotFoundError), path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.endswith(b"\n"):
                    yield Link(f"{path.name}:{number}", _entry(line))


def verify(home: Home) -> Verdict:
    """Return how far the chain holds."""
    if not any(path.exists() for path in _files(home.audit_log)):
        return Verdict(0, None, None, None)
    with locked(_lock(home), wait_s=_WAIT_S):
        return _verdict(links(home), _last(home.audit_log)[1])


def head(home: Home) -> Entry | None:
    """Return the newest entry, None before the first."""
    return _last(home.audit_log)[0]


def _lock(home: Home) -> Path:
    return home.directory / "audit.lock"


def _verdict(found: Iterator[Link], torn: int) -> Verdict:
    checked, first, last, trimmed = 0, None, None, 1
    for link in found:
        if link.entry is None:
            return Verdict(checked, first, last, f"{link.place}: this is no entry of an audit log", torn)
        if why := link_problem(link.entry, last):
            return Verdict(checked, first, last, f"{link.place}: entry {link.entry.seq}: {why}", torn)
        first, last, checked = first or link.entry, link.entry, checked + 1
        if link.entry.facts.get("kind") == "trimmed":
            trimmed = int(link.entry.facts["first_seq"])
    # Old files go when the log is full, and each time an entry says up to where.
    if first and first.seq > trimmed:
        why = f"entries {trimmed} to {first.seq - 1} are missing and no entry says they were let go"
        return Verdict(checked, first, last, why, torn)
    return Verdict(checked, first, last, None, torn)


def _append(path: Path, kind: Kind, facts: Mapping[str, object], now: datetime) -> None:
    before, torn = _last(path)
    if torn:
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size - torn)
        before = _write(path, before, "repaired", {"cut_bytes": torn}, now)
    if path.exists() and path.stat().st_size > MAX_BYTES:
        if (first_kept := _first_kept(path)) is not None:
            before = _write(path, before, "trimmed", {"first_seq": first_kept}, now)
        _rotate(path)
    _write(path, before, kind, facts, now)


def _write(path: Path, before: Entry | None, kind: Kind, facts: Mapping[str, object], now: datetime) -> Entry:
    entry = follow(before, kind, facts, now, uid=system.uid(), pid=os.getpid())
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "ab") as file:
        is_new = file.tell() == 0
        file.write(json.dumps(entry.as_json(), ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        sync_folder(path.parent)
    return entry


def follow(before: Entry | None, kind: str, what: Mapping[str, object], now: datetime, *, uid: int, pid: int) -> Entry:
    """Return the entry that follows another one. Its moment is never before that one's, so that the log is in order."""
    facts = {
        "v": 1,
        "seq": before.seq + 1 if before else 1,
        "at": to_text(max(now, before.at) if before else now),
        "kind": kind,
        "by": {"login": login_of(uid), "uid": uid, "pid": pid},
        **what,
    }
    prev_hash = before.hash if before else GENESIS
    return Entry(facts, prev_hash, seal(prev_hash, facts))


def _files(path: Path) -> list[Path]:
    """Return where entries may lie, the oldest first."""
    return [*(path.with_name(f"{path.name}.{number}") for number in range(KEPT_FILES, 0, -1)), path]


def _first_kept(path: Path) -> int | None:
    """Return the number of the first entry that is left once a new file is begun, None if none has to go."""
    oldest, following, *_ = _files(path)
    if not oldest.exists():
        return None
    with following.open("rb") as file:
        entry = _entry(file.readline())
    return entry.seq if entry else None


def _rotate(path: Path) -> None:
    for older, newer in pairwise(_files(path)):
        if newer.exists():
            newer.replace(older)
    sync_folder(path.parent)


def _last(path: Path) -> tuple[Entry | None, int]:
    """Return the newest entry that can be read, and how many bytes of a line that was cut short follow it."""
    torn = 0
    for candidate in reversed(_files(path)):
        with suppress(FileNotFoundError), candidate.open("rb") as file:
            tail = _tail(file)
            whole, _, rest = tail.rpartition(b"\n")
            torn = len(rest) if candidate == path else torn
            for line in reversed(whole.split(b"\n")):
                if line and (entry := _entry(line)):
                    return entry, torn
    return None, torn


def _tail(file: BinaryIO) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    return file.read()


def _entry(line: bytes) -> Entry | None:
    try:
        shown = json.loads(line)
        return entry_from(shown) if isinstance(shown, dict) else None
    except (ValueError, RecursionError):
        return None
