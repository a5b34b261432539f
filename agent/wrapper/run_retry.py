"""Part of run-job: the attempts of one run. Most jobs have one; the last one's result is the run's."""

import posix
import select
import time
from _signal import SIGCHLD  # type: ignore[import-not-found]

from agent.wrapper.run_limits import Refused
from agent.wrapper.run_spool import words
from agent.wrapper.run_start import MAX_TAIL, refusal, start
from agent.wrapper.run_watch import CHUNK, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST_WAIT_S = 3600.0
SHELL_MEANS = {126: "exit code 126: the command was found but may not be executed", 127: "exit code 127: command not found"}


def attempts(job: "dict[str, Any]", more: "dict[str, Any]", run_id: str, signals: int) -> "tuple[dict[str, Any], bytes]":
    """Run the command until it succeeds or has had all its attempts; return the result and the output of the run.

    Raise Refused if it could not be started, and there is no second attempt.
    """
    own = {"CRONTOPUS_RUN_ID": run_id, "CRONTOPUS_JOB_NAME": job["name"]}
    if more.get("retry"):
        return retried(job, more["retry"], own, signals)
    watch = start(job, own, signals)
    watch.follow()
    return result_of(watch)


def retried(
    job: "dict[str, Any]", retry: "dict[str, Any]", own: "dict[str, str]", signals: int
) -> "tuple[dict[str, Any], bytes]":
    """As `attempts`. retry: attempts after the first; delay_s, and whether it is_growing: doubled after each."""
    began = time.monotonic()
    limit = max(0, min(job["max_output_bytes"], MAX_TAIL)) if job.get("output") != "none" else 0
    kept, written, is_cut = bytearray(), 0, False
    last = 1 + retry["attempts"]
    for number in range(1, last + 1):
        result, output, was_told = one_attempt(job, own | {"CRONTOPUS_ATTEMPT": str(number)}, signals)
        written, is_cut = written + result["output_bytes"], is_cut or result["output_truncated"]
        if kept and not kept.endswith(b"\n"):
            kept += b"\n"
        kept += output
        if result["status"] == "success" or number == last or was_told:
            break
        wait_s = min(LONGEST_WAIT_S, retry["delay_s"] * 2 ** (number - 1 if retry["is_growing"] else 0))
        said = f"attempt {number} of {last} ended with exit code {result['exit_code']}; the next one in {wait_s:g} s"
        stopped_by = pause(wait_s, signals)
        said += f", but told to stop by signal {stopped_by}" if stopped_by else ""
        if limit:
            kept += (b"" if kept.endswith(b"\n") or not kept else b"\n") + words(said)
        if stopped_by:
            break
    output = bytes(kept[-(limit or MAX_TAIL) :])  # of `output: none` only why it could not be started is here
    result |= {"duration_ms": round((time.monotonic() - began) * 1000), "output_bytes": written}
    return result | {"output_truncated": is_cut or len(kept) > len(output)}, output


def one_attempt(job: "dict[str, Any]", own: "dict[str, str]", signals: int) -> "tuple[dict[str, Any], bytes, bool]":
    """Return result and output of one attempt, and whether a signal told it to stop."""
    try:
        watch = start(job, own, signals)
    except Refused as e:
        return (*refusal(*e.args), False)
    watch.follow()
    return (*result_of(watch), watch.was_told)


def pause(wait_s: float, signals: int) -> int:
    """Wait; return the number of the signal that told us to stop meanwhile, 0 if none did."""
    until = time.monotonic() + wait_s
    poll = select.poll()
    poll.register(signals, select.POLLIN)
    while True:
        left_s = until - time.monotonic()
        if left_s <= 0:
            return 0
        if poll.poll(left_s * 1000):
            told = [number for number in posix.read(signals, CHUNK) if number != SIGCHLD]
            if told:
                return told[0]


def result_of(watch: Watch) -> "tuple[dict[str, Any], bytes]":
    """Return the result and the output of a run that has ended.

    A shell exits with 128+n when signal n ended its command; so do we.
    """
    ended = watch.code or 0
    code = 124 if watch.timed_out else 128 - ended if ended < 0 else ended
    number = -ended if ended < 0 else ended - 128 if 128 < ended < 160 else None
    status = "timeout" if watch.timed_out else "failure" if code else "success"
    remark = words(watch.remark or SHELL_MEANS.get(ended, "")) if watch.limit else b""
    if remark and watch.tail and not watch.tail.endswith(b"\n"):
        remark = b"\n" + remark
    output = bytes(watch.tail + remark)[-watch.limit :] if watch.limit else b""
    result = {"status": status, "exit_code": code, "signal": number, "duration_ms": watch.duration_ms}
    cut = watch.output_bytes + len(remark) > len(output)
    return result | {"output_bytes": watch.output_bytes, "output_truncated": cut}, output
