"""The spool: what run-job has left in D/spool, read as runs of the API. docs/run-job.md describes the files.

A record leaves the spool in two ways only: the server has confirmed it, or it is in quarantine, where a person can see it.
"""

import errno
import json
import logging
import os
import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.system import system
from chalicelib.domain import ids, times
from chalicelib.domain.runs import MAX_OUTPUT_BYTES

START, END, OUTPUT = ".start.json", ".end.json", ".out"
RUNNING_AFTER_MS = 30_000
MAX_OUTPUT_JSON = 150_000  # bytes: control characters grow sixfold in JSON, and a request may have 256 KB
KILLED = "run-job was killed before the run could end; the job itself may still be running"
STOPPED = "the machine stopped before the run could end"
QUARANTINE, LOST = "quarantine", "lost-results"
_NAME = re.compile(r"([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})(\.start\.json|\.end\.json|\.out)")
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, OverflowError)
_BOOT = Path("/proc/sys/kernel/random/boot_id")
# What is said of our process or of a disk far away, and says nothing of the record.
_PASSING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ESTALE, errno.ETIMEDOUT})

log = logging.getLogger(__name__)

# Tells whether a process still is: its number, when it started (field 22 of its stat), the boot it belongs to.
ProcessAlive = Callable[[int, int | None, str | None], bool]
process_alive: ProcessAlive = system.process_alive


@dataclass(frozen=True, slots=True)
class Record:
    """A run as the spool knows it. run: the API's Run without endpoint_id and reported_at.

    is_guess: nobody wrote down how it ended; what the server knows is better.
    """

    run_id: str
    run: dict[str, Any]
    is_guess: bool = False

    @property
    def is_going_on(self) -> bool:
        """Only its start is to be told; its files stay."""
        return bool(self.run["status"] == "running")

    @property
    def is_urgent(self) -> bool:
        return self.run["status"] not in ("running", "success")


def list_records(
    spool: Path,
    now_ms: int,
    process_alive: ProcessAlive,
    *,
    announced: Collection[str] = (),
    limit: int | None = None,
    settled: Collection[str] = (),
    elsewhere: Callable[[], Sequence[Path]] = tuple,
) -> list[Record]:
    """Return what is to be reported, oldest first; what cannot be read goes to quarantine.

    announced: runs whose start the server knows already. limit: enough records; reading all of a long backlog takes time.
    settled: runs that are done with, though their files are still there. elsewhere: other places where an end may lie.
    """
    found: list[Record] = []
    for run_id, suffixes in sorted(runs_in(spool).items()):
        if limit is not None and len(found) >= limit:
            break
        if run_id in settled:
            continue
        record = _read(spool, run_id, suffixes, now_ms, process_alive, elsewhere)
        if record and not (record.is_going_on and run_id in announced):
            found.append(record)
    return found


def runs_in(spool: Path) -> dict[str, set[str]]:
    """Return run_id -> the suffixes of its files."""
    runs: dict[str, set[str]] = {}
    try:
        with os.scandir(spool) as entries:
            names = [entry.name for entry in entries]
    except FileNotFoundError:
        return {}
    for name in names:
        if match := _NAME.fullmatch(name):
            runs.setdefault(match[1], set()).add(match[2])
    return runs


def _read(
    spool: Path,
    run_id: str,
    suffixes: set[str],
    now_ms: int,
    process_alive: ProcessAlive,
    elsewhere: Callable[[], Sequence[Path]],
) -> Record | None:
    try:
        if END in suffixes:
            return Record(run_id, _ended(spool, run_id))
        if START in suffixes:
            return _begun(spool, run_id, now_ms, process_alive, elsewhere)
    except FileNotFoundError:
        return None  # run-job has just ended; the next look finds its result
    except _UNREADABLE as e:
        if isinstance(e, OSError) and e.errno in _PASSING:
            raise
        with suppress(OSError):  # a disk that cannot be written: the others are delivered all the same
            quarantine(spool, run_id, f"it cannot be read: {e!r}")
    return None


def _ended(spool: Path, run_id: str) -> dict[str, Any]:
    record = json.loads((spool / f"{run_id}{END}").read_bytes())
    try:
        raw = (spool / f"{run_id}{OUTPUT}").read_bytes()
    except FileNotFoundError:
        raw = b""
    # An output may have been dropped for want of space after the record was written.
    is_cut = bool(record["output_truncated"]) or (not raw and record["output_bytes"] > 0)
    output, is_cut = _text(raw, record["output_bytes"], is_cut=is_cut)
    same = ("status", "duration_ms", "exit_code", "signal", "output_bytes")
    ended = {key: record[key] for key in same} | {"output": output, "output_truncated": is_cut}
    return _named(record, run_id) | ended | {"finished_at": _moment(record["finished_at"])}


def _begun(
    spool: Path, run_id: str, now_ms: int, process_alive: ProcessAlive, elsewhere: Callable[[], Sequence[Path]]
) -> Record | None:
    """Return the start of a run that goes on, or the end of one that nobody will end any more."""
    start = json.loads((spool / f"{run_id}{START}").read_bytes())
    alive = process_alive(start["pid"], start["pid_start"], start["boot_id"])
    going = _named(start, run_id) | {"status": "running", "finished_at": None, "duration_ms": None, "exit_code": None}
    going |= {"signal": None, "output": None, "output_bytes": 0, "output_truncated": False}
    if alive:
        age_ms = now_ms - start["started_at"]  # negative: the clock was set back
        return Record(run_id, going) if age_ms >= RUNNING_AFTER_MS or age_ms < -RUNNING_AFTER_MS else None
    # Asked in this order, because run-job writes the end before it goes.
    if any((place / f"{run_id}{END}").exists() for place in (spool, *elsewhere())):
        return None
    # Nobody knows when it ended. The moment it surely ran is its start, and that stays the same however often it is sent.
    why = KILLED if start["boot_id"] in (None, this_boot()) else STOPPED
    return Record(run_id, going | {"status": "failure", "finished_at": going["started_at"], "output": why}, is_guess=True)


def this_boot() -> str | None:
    """Return what tells this start of the machine from others, None where the system does not say."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return None


def _named(record: dict[str, Any], run_id: str) -> dict[str, Any]:
    keys = ("job_id", "job_name", "namespace", "commit")
    return {"run_id": run_id} | {key: record[key] for key in keys} | {"started_at": _moment(record["started_at"])}


def _moment(millis: int) -> str:
    return times.to_text(times.from_millis(millis))


def _text(raw: bytes, written: int, *, is_cut: bool) -> tuple[str | None, bool]:
    """Return the output as text and whether some of it is missing. written: how many bytes the job wrote."""
    if is_cut:
        raw = raw[next((i for i, byte in enumerate(raw[:4]) if byte & 0xC0 != 0x80), 0) :]  # half a character in front
    whole = raw.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    text = _end_that_fits(whole)
    is_cut = is_cut or text != whole
    notice = f"[truncated: the job wrote {written} bytes]\n" if is_cut and text else ""
    return (notice + text) or None, is_cut


def _end_that_fits(text: str) -> str:
    room = MAX_OUTPUT_BYTES - 100  # for the notice in front
    text = text.encode()[-room:].decode("utf-8", "ignore")
    while (size := len(json.dumps(text))) > MAX_OUTPUT_JSON:
        text = text[-(len(text) * MAX_OUTPUT_JSON // size) :]
    return text


def remove(spool: Path, run_id: str) -> None:
    """Forget a run that the server has confirmed.

    The output goes last: what is cut short may leave an output behind, but never a result that has lost its own.
    """
    for suffix in (START, END, OUTPUT):
        (spool / f"{run_id}{suffix}").unlink(missing_ok=True)


def quarantine(spool: Path, run_id: str, why: str) -> None:
    """Put a run aside that cannot be delivered, for a person to look at."""
    aside = spool / QUARANTINE
    aside.mkdir(mode=0o700, exist_ok=True)
    for suffix in (OUTPUT, END, START):
        with suppress(FileNotFoundError):
            (spool / f"{run_id}{suffix}").replace(aside / f"{run_id}{suffix}.bad")
    log.warning("a run was put in quarantine", extra={"run_id": run_id, "why": why})


@dataclass(frozen=True, slots=True)
class Backlog:
    """What the server has not confirmed yet. oldest_at: when the first of it started.

    quarantined: runs put aside. lost: results and outputs that run-job could not write down.
    """

    depth: int
    oldest_at: datetime | None
    quarantined: int
    lost: int


def backlog(spool: Path, process_alive: ProcessAlive, settled: Collection[str] = ()) -> Backlog:
    """Return how much is waiting; runs that go on, and those that are `settled`, do not count."""
    runs = runs_in(spool).items()
    waiting = [
        id_
        for id_, suffixes in runs
        if id_ not in settled and (END in suffixes or (START in suffixes and _is_dead(spool, id_, process_alive)))
    ]
    oldest = min(waiting, default=None)
    return Backlog(
        depth=len(waiting),
        oldest_at=ids.uuid7_time(oldest) if oldest else None,
        quarantined=len({path.name[:36] for path in (spool / QUARANTINE).glob("*.bad")}),
        # run-job adds one byte for each: beside the spool, or in the shelter itself
        lost=sum(_size(folder / LOST) for folder in (spool.parent, spool)),
    )


def together(backlogs: Sequence[Backlog]) -> Backlog:
    """Return the sum of these, at least one."""
    oldest = min((one.oldest_at for one in backlogs if one.oldest_at), default=None)
    depth, quarantined, lost = (sum(getattr(one, name) for one in backlogs) for name in ("depth", "quarantined", "lost"))
    return Backlog(depth, oldest, quarantined, lost)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _is_dead(spool: Path, run_id: str, process_alive: ProcessAlive) -> bool:
    try:
        start = json.loads((spool / f"{run_id}{START}").read_bytes())
        return not process_alive(start["pid"], start["pid_start"], start["boot_id"])
    except FileNotFoundError:
        return False
    except _UNREADABLE:
        return True
