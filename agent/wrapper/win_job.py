"""Run one job for Task Scheduler and write down how it went: `python -I -S run-job.py [--guard] CRONTOPUS:<uuid>`.

Installed, joined with the other files win_*.py and with run_guard.py, as the one file D/bin/run-job.py. It needs nothing but
the standard library of Python 3.9, no agent and no network. docs/windows.md says what an operator may rely on.
"""

import json
import os
import sys
import time

from agent.wrapper.win_guard import Table, is_meant_now
from agent.wrapper.win_run import EX_CONFIG, Refused, Stopper, attempts, refusal
from agent.wrapper.win_spool import Spool, attempt, complain, now_ms, replace, uuid7, words
from agent.wrapper.win_system import take_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EX_USAGE = 64  # sysexits.h
KINDS = {"command": str, "name": str, "namespace": str, "args": list, "env": dict, "shell": str, "max_output_bytes": int}
OPTIONAL: "dict[str, Any]" = {"commit": str, "working_dir": str, "timeout_s": (int, float), "output": str, "more": dict}


def main() -> int:
    is_guarded = sys.argv[1:-1] == ["--guard"]
    job_id = sys.argv[-1].rpartition("CRONTOPUS:")[2].lower()
    if len(sys.argv) != 2 + is_guarded or len(job_id) != 36 or job_id.strip("0123456789abcdef-"):
        attempt(os.write, 2, words("usage: run-job.py [--guard] CRONTOPUS:<uuid of the job>"))
        return EX_USAGE
    directory = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    return run(job_id, directory, Stopper(), is_guarded)


def run(job_id: str, directory: str, stopper: Stopper, is_guarded: bool) -> int:
    """Run the job and leave its records. Return its exit code. is_guarded: only if its schedule means this start."""
    started_at = now_ms()
    run_id = uuid7(started_at)
    record: dict[str, Any] = {"run_id": run_id, "job_id": job_id, "job_name": job_id, "namespace": "default", "commit": None}
    record["started_at"] = started_at
    spool = Spool(directory, run_id)
    more: dict[str, Any] = {}
    try:
        job = load_job(os.path.join(directory, "jobs", f"{job_id}.yaml"))
        more = job.get("more") or more
        if is_guarded and not is_meant(directory, more, started_at):
            return 0
        record |= {"job_name": job["name"], "namespace": job["namespace"], "commit": job.get("commit")}
        why = reason_to_skip(directory, job_id, more, started_at)
        if why:
            result, output = skipped(why)
        else:
            if not more.get("is_silent"):
                spool.start(record)
            result, output = attempts(job, directory, run_id, stopper)
    except Refused as e:
        result, output = refusal(*e.args)
    # The clock may have been set back meanwhile; a run does not end before it began.
    record["finished_at"] = max(now_ms(), started_at + result["duration_ms"])
    if more.get("is_noted") and result["status"] != "skipped":
        attempt(note_result, directory, job_id, result["status"], record["finished_at"])
    if not more.get("is_silent"):
        spool.end({**record, **result}, output)
    return int(result["exit_code"] or 0)


def is_meant(directory: str, more: "dict[str, Any]", moment_ms: int) -> bool:
    """Tell whether this start is one that the schedule means. Where that cannot be told, the job does not run."""
    try:
        return is_meant_now(more["guard"], moment_ms)
    except (LookupError, OSError, TypeError, ValueError):
        complain(directory)
        return False


def load_job(path: str) -> "dict[str, Any]":
    """Return the content of the job file. Raise Refused if it is missing or unusable."""
    try:
        with open(path, encoding="utf-8") as file:
            job: dict[str, Any] = json.load(file)
        wrong = [key for key, kind in KINDS.items() if not isinstance(job.get(key), kind)]
        wrong += [key for key, kind in OPTIONAL.items() if job.get(key) is not None and not isinstance(job[key], kind)]
        if not wrong and not all(isinstance(text, str) for text in (*job["args"], *job["env"].values())):
            wrong = ["args or env"]
    except OSError as e:
        raise Refused(EX_CONFIG, f"cannot read {path} ({e.strerror}); has the job been removed from the repository?") from e
    except (ValueError, AttributeError) as e:
        raise Refused(EX_CONFIG, f"{path} is no valid job file; remove it and the agent writes it again") from e
    if wrong:
        raise Refused(EX_CONFIG, f"{path} is wrong about {', '.join(wrong)}; remove it and the agent writes it again")
    return job


def skipped(why: str) -> "tuple[dict[str, Any], bytes]":
    """Return the result and the output of a run that did not start because it must not."""
    result: dict[str, Any] = {"status": "skipped", "exit_code": None, "signal": None, "duration_ms": 0}
    return {**result, "output_bytes": 0, "output_truncated": False}, words(why)


def reason_to_skip(directory: str, job_id: str, more: "dict[str, Any]", moment_ms: int) -> str:
    """Return why this run must not start, in words, or nothing. Holds the job's lock from here on, if it has one."""
    found = [problem_of(directory, parent, more, moment_ms) for parent in more.get("after", ())]
    unmet = [problem for problem in found if problem]
    if unmet:
        return f"skipped: {'; '.join(unmet)}"
    if more.get("is_alone") and not is_alone(directory, job_id):
        return "skipped: the run before is still going on"
    return ""


def is_alone(directory: str, job_id: str) -> bool:
    """Take the job's lock until this process ends, however it ends; tell whether nobody else has it."""
    folder = os.path.join(directory, "locks")
    attempt(os.makedirs, folder, 0o700, True)
    try:
        take_lock(os.open(os.path.join(folder, job_id), os.O_RDWR | os.O_CREAT, 0o600))
    except BlockingIOError:
        return False
    except OSError:  # the job comes first
        complain(directory)
    return True


def problem_of(directory: str, parent: "list[str]", more: "dict[str, Any]", moment_ms: int) -> str:
    """Return why this parent keeps the run from starting, or nothing. parent: what it is called, its id."""
    name, job_id = parent
    try:
        with open(os.path.join(directory, "results", job_id), "rb") as file:
            status, ended_ms = file.read().decode().split()
        is_today = day_of(int(ended_ms), more) == day_of(moment_ms, more)
    except (OSError, ValueError):
        return f"{name} has not run here yet"
    if not is_today:
        return f"{name} has not run today"
    return "" if status == "success" else f"the last run of {name} ended with {status}"


def day_of(moment_ms: int, more: "dict[str, Any]") -> "tuple[int, ...]":
    """Return year, month and day of a moment by the job's clock, by this machine's if it has none of its own."""
    if not more.get("clock"):
        return tuple(time.localtime(moment_ms / 1000)[:3])
    from datetime import datetime

    return tuple(datetime.fromtimestamp(moment_ms / 1000, Table(more["clock"])).timetuple()[:3])


def note_result(directory: str, job_id: str, status: str, ended_ms: int) -> None:
    """Leave the result for jobs that depend on this one. Raise OSError if that is not possible."""
    folder = os.path.join(directory, "results")
    attempt(os.makedirs, folder, 0o700, True)
    path = os.path.join(folder, job_id)
    with open(f"{path}.{os.getpid()}", "wb") as file:
        file.write(f"{status} {ended_ms}\n".encode())
    replace(f"{path}.{os.getpid()}", path)


if __name__ == "__main__":
    code = main()
    # A process that the job left behind may still hold the pipe that a thread of ours reads.
    os._exit(code if code < 2**31 else code - 2**32)
