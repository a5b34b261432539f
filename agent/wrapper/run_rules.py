"""Part of run-job: whether a run that is due may start, by what other runs on this machine left behind."""

import posix
import time

from agent.wrapper.run_spool import attempt, complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def reason_to_skip(directory: str, job_id: str, more: "dict[str, Any]", now_ms: int) -> str:
    """Return why this run must not start, in words, or nothing. Holds the job's lock from here on, if it has one."""
    unmet = [
        problem for problem in (problem_of(directory, parent, more, now_ms) for parent in more.get("after", ())) if problem
    ]
    if unmet:
        return f"skipped: {'; '.join(unmet)}"
    if more.get("is_alone") and not take_lock(directory, job_id):
        return "skipped: the run before is still going on"
    return ""


def take_lock(directory: str, job_id: str) -> bool:
    """Take the job's lock until this process ends, however it ends; tell whether nobody else has it."""
    attempt(posix.mkdir, f"{directory}/locks", 0o700)
    try:
        handle = posix.open(f"{directory}/locks/{job_id}", posix.O_RDWR | posix.O_CREAT, 0o600)
    except OSError as e:  # the job comes first
        complain(directory, f"job {job_id} runs without its lock ({e.strerror})")
        return True
    try:
        posix.lockf(handle, posix.F_TLOCK, 0)
    except OSError as e:
        return not isinstance(e, (BlockingIOError, PermissionError))  # both mean, by POSIX, that somebody else has it
    return True


def problem_of(directory: str, parent: "list[str]", more: "dict[str, Any]", now_ms: int) -> str:
    """Return why this parent keeps the run from starting, or nothing. parent: what it is called, its id."""
    name, job_id = parent
    try:
        with open(f"{directory}/results/{job_id}", "rb") as file:
            status, ended_ms = file.read().decode().split()
        is_today = day_of(int(ended_ms), more.get("zone")) == day_of(now_ms, more.get("zone"))
    except (OSError, ValueError):
        return f"{name} has not run here yet"
    if not is_today:
        return f"{name} has not run today"
    return "" if status == "success" else f"the last run of {name} ended with {status}"


def day_of(moment_ms: int, zone: "str | None") -> "tuple[int, ...]":
    """Return year, month and day of a moment, in this machine's zone if no other is given."""
    if zone is None:
        return tuple(time.localtime(moment_ms / 1000)[:3])
    from datetime import datetime
    from zoneinfo import ZoneInfo

    return tuple(datetime.fromtimestamp(moment_ms / 1000, ZoneInfo(zone)).timetuple()[:3])


def note_result(directory: str, job_id: str, status: str, ended_ms: int) -> None:
    """Leave the result for jobs that depend on this one. Raise OSError if that is not possible."""
    attempt(posix.mkdir, f"{directory}/results", 0o700)
    path = f"{directory}/results/{job_id}"
    with open(f"{path}.{posix.getpid()}", "wb") as file:
        file.write(f"{status} {ended_ms}\n".encode())
    posix.rename(f"{path}.{posix.getpid()}", path)
