"""Part of run-job: whether a run that is due may start, by what other runs on this machine left behind."""

import posix
import time

from agent.wrapper.run_shelter import attempt, within
from agent.wrapper.run_spool import START_WAIT_S, complain

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
    if more.get("is_alone"):
        why: list[str] = []
        trouble = within(START_WAIT_S, take_lock, directory, job_id, more, why)
        if trouble:  # the job comes first
            complain(directory, f"job {job_id} runs without its lock ({trouble})")
        elif why:
            return why[0]
    return ""


def take_lock(directory: str, job_id: str, more: "dict[str, Any]", why: "list[str]") -> None:
    """Take the job's lock until this process ends, however it ends, as more["lock"]; or say in `why` who has it.

    Raise OSError if it cannot be had.
    """
    path = f"{directory}/locks/{job_id}"
    try:
        handle = posix.open(path, posix.O_RDWR)  # without O_CREAT, which a frozen file system would not answer
    except FileNotFoundError:
        attempt(posix.mkdir, f"{directory}/locks", 0o700)
        handle = posix.open(path, posix.O_RDWR | posix.O_CREAT, 0o600)
    try:
        posix.lockf(handle, posix.F_TLOCK, 0)
    except (BlockingIOError, PermissionError):  # both mean, by POSIX, that somebody else has it
        why.append("skipped: the run before is still going on")
        return
    # Whose lock ended before its job did: that run-job was killed.
    if is_same_process(posix.pread(handle, 200, 0).split()):
        why.append("skipped: the job of a run before, whose run-job was killed, is still going on")
        posix.close(handle)
        return
    more["lock"] = handle


def note_process(handle: int, pid: int) -> None:
    """Write into the lock which process the job is, so that it counts even if we are killed. Raise OSError if we cannot."""
    posix.pwrite(handle, b" ".join(identity_of(pid)).ljust(100) + b"\n", 0)


def is_same_process(noted: "list[bytes]") -> bool:
    """Tell whether the very process that was noted still runs. Where the system has no /proc, that is not known: no."""
    try:
        return len(noted) == 3 and identity_of(int(noted[0])) == noted
    except (OSError, ValueError, IndexError):
        return False


def identity_of(pid: int) -> "list[bytes]":
    """Return what tells a running process from a later one with its number. Raise OSError without /proc or such a process."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        facts = file.read().rpartition(b")")[2].split()
    if facts[0] in (b"Z", b"X"):
        raise OSError(3, "it has ended")
    with open("/proc/sys/kernel/random/boot_id", "rb") as file:
        return [str(pid).encode(), facts[19], file.read().strip()]


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
