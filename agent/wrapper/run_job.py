"""Run one job for the scheduler and write down how it went: `run-job CRONTOPUS:<uuid>`.

Installed, joined with the other files run_*.py, as the one file D/bin/run-job. Reads D/jobs/<uuid>.yaml and leaves records
in D/spool; needs no agent, network, HOME, PATH or LANG. Trouble with the records never stops, delays or alters the job.
docs/run-job.md says what an operator may rely on.

Every import is paid for at every start of every job: json, os, signal and subprocess cost more than the interpreter.
So this program lives on modules that are built in; docs/adr/0005 has the figures. It must run on Python 3.9.
"""

import posix
import sys

from agent.wrapper.run_guard import is_due
from agent.wrapper.run_limits import EX_CONFIG, Refused
from agent.wrapper.run_retry import attempts
from agent.wrapper.run_rules import note_result, reason_to_skip
from agent.wrapper.run_shelter import attempt, within
from agent.wrapper.run_spool import START_WAIT_S, Spool, complain, now_ms, this_process, uuid7, words
from agent.wrapper.run_start import refusal
from agent.wrapper.run_watch import catch_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EX_USAGE = 64  # sysexits.h
KINDS = {"command": str, "name": str, "namespace": str, "args": list, "env": dict, "shell": str, "max_output_bytes": int}
OPTIONAL: "dict[str, Any]" = {"commit": str, "working_dir": str, "timeout_s": (int, float), "output": str, "more": dict}


def main() -> int:
    attempt(fill_standard_descriptors)
    is_guarded = sys.argv[1:-1] == ["--guard"]
    job_id = sys.argv[-1].rpartition("CRONTOPUS:")[2].lower()
    if len(sys.argv) != 2 + is_guarded or len(job_id) != 36 or job_id.strip("0123456789abcdef-"):
        attempt(posix.write, 2, words("usage: run-job [--guard] CRONTOPUS:<uuid of the job>"))
        return EX_USAGE
    return run(job_id, own_directory(), catch_signals(), is_guarded)


def run(job_id: str, directory: str, signals: int, is_guarded: bool) -> int:
    """Run the job and leave its records. Return its exit code. is_guarded: only if it is due in its own time zone."""
    started_at = now_ms()
    run_id = uuid7(started_at)
    record: dict[str, Any] = {"run_id": run_id, "job_id": job_id, "job_name": job_id, "namespace": "default", "commit": None}
    record["started_at"] = started_at
    spool = Spool(directory, run_id)
    more: dict[str, Any] = {}
    try:
        job = load_job(f"{directory}/jobs/{job_id}.yaml")
        more = job.get("more") or more
        if is_guarded and not is_meant(directory, job_id, more, started_at):
            return 0
        record |= {"job_name": job["name"], "namespace": job["namespace"], "commit": job.get("commit")}
        why = reason_to_skip(directory, job_id, more, started_at) if more else ""
        if why:
            result, output = skipped(why)
        else:
            if not more.get("is_silent"):
                spool.start(record | this_process())
            result, output = attempts(job, more, run_id, signals)
    except Refused as e:
        result, output = refusal(*e.args)
    # The clock may have been set back meanwhile; a run does not end before it began.
    record["finished_at"] = max(now_ms(), started_at + result["duration_ms"])
    if more.get("is_noted") and result["status"] != "skipped":
        within(START_WAIT_S, note_result, directory, job_id, result["status"], record["finished_at"])
    if not more.get("is_silent"):
        spool.end(record | result, output)
    return int(result["exit_code"] or 0)


def is_meant(directory: str, job_id: str, more: "dict[str, Any]", moment_ms: int) -> bool:
    """Tell whether the widened crontab line means this minute. Where that cannot be told, the job does not run."""
    try:
        return is_due(more["guard"], moment_ms)
    except (LookupError, OSError, ImportError, ValueError) as e:
        complain(directory, f"job {job_id} was not run, for nobody knows whether it is due ({e})")
        return False


def skipped(why: str) -> "tuple[dict[str, Any], bytes]":
    """Return the result and the output of a run that did not start because it must not."""
    result: dict[str, Any] = {"status": "skipped", "exit_code": None, "signal": None, "duration_ms": 0}
    return result | {"output_bytes": 0, "output_truncated": False}, words(why)


def load_job(path: str) -> "dict[str, Any]":
    """Return the content of the job file. Raise Refused if it is missing or unusable."""
    try:
        job = parse_json(path)
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


def parse_json(path: str) -> "dict[str, Any]":
    with open(path, "rb") as file:
        text = file.read().decode()
    job: dict[str, Any]
    try:
        from _json import make_scanner

        job, _ = make_scanner(JsonRules)(text, 0)  # type: ignore[arg-type]
    except (ImportError, AttributeError, TypeError, StopIteration, SystemError):
        # Another Python, or bad JSON: the scanner takes the error it wants to raise from a json that was imported before.
        from json import loads

        job = loads(text)
    return job


class JsonRules:
    """What the scanner of _json wants to know."""

    strict, object_hook, object_pairs_hook = True, None, None
    parse_float, parse_int, parse_constant = float, int, float


def fill_standard_descriptors() -> None:
    """Put /dev/null where we were started without stdin, stdout or stderr, lest a pipe of ours takes the number."""
    descriptor = posix.open("/dev/null", posix.O_RDWR)
    while descriptor <= 2:
        posix.set_inheritable(descriptor, True)
        descriptor = posix.open("/dev/null", posix.O_RDWR)
    posix.close(descriptor)


def own_directory() -> str:
    """Return D: we are D/bin/run-job, whatever links we were called by."""
    path = __file__
    try:
        while True:
            target = posix.readlink(path)
            path = target if target.startswith("/") else path.rpartition("/")[0] + "/" + target
    except OSError:
        folder = path.rpartition("/")[0]
        return folder[:-4] if folder.endswith("/bin") else folder + "/.."


if __name__ == "__main__":
    posix._exit(main())
