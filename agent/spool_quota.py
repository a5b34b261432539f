"""Keeping a spool small: what is dropped first where there is too much of it, and what crashes have left behind."""

import logging
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from agent.spool import END, OUTPUT, QUARANTINE, runs_in

MAX_QUARANTINED = 1000  # files
MAX_BYTES, MAX_FILES = 50 * 1024 * 1024, 10_000
ABANDONED_S = 3600

log = logging.getLogger(__name__)


def tidy(spool: Path, now_s: float, max_bytes: int = MAX_BYTES) -> int:
    """Drop the oldest outputs until the spool is within its quota, and return how many were dropped. Results all stay.

    Removes what crashes have left behind, too: unfinished files, outputs without a result, and more in quarantine than a
    person will look at. now_s: seconds since the epoch.
    """
    runs = runs_in(spool)
    files = _files_in(spool)
    for path in [path for path, stat in files.items() if now_s - stat.st_mtime > ABANDONED_S and _is_litter(path, runs)]:
        path.unlink(missing_ok=True)
        del files[path]
    _drop(sorted(_files_in(spool / QUARANTINE))[:-MAX_QUARANTINED], "quarantine is full")
    size, count = sum(stat.st_size for stat in files.values()), len(files)
    outputs = sorted(path for path in files if path.name.endswith(OUTPUT) and END in runs.get(path.name[:36], ()))
    dropped: list[Path] = []
    for path in outputs:
        if size <= max_bytes and count <= MAX_FILES:
            break
        size, count = size - files[path].st_size, count - 1
        dropped.append(path)
    _drop(dropped, "the spool is over its quota")
    return len(dropped)


def _files_in(directory: Path) -> dict[Path, os.stat_result]:
    found = {}
    try:
        for entry in os.scandir(directory):
            with suppress(FileNotFoundError):  # run-job has just renamed it
                if entry.is_file(follow_symlinks=False):
                    found[Path(entry.path)] = entry.stat()
    except FileNotFoundError:
        return {}
    return found


def _is_litter(path: Path, runs: Mapping[str, Collection[str]]) -> bool:
    if path.name.endswith(OUTPUT):
        return runs.get(path.name[:36], ()) == {OUTPUT}
    return path.name.endswith(".tmp")


def _drop(paths: Sequence[Path], why: str) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
    if paths:
        log.warning("files of the spool were dropped", extra={"count": len(paths), "why": why, "first": paths[0].name})
