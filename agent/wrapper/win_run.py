"""Part of run-job for Windows: the command's attempts, each followed to its end. The last one's result is the run's."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time

from agent.wrapper.win_shell import argv_of
from agent.wrapper.win_spool import attempt, words
from agent.wrapper.win_system import END_GRACE_S, end_tree, home_of, start_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EX_CONFIG = 78  # sysexits.h
MAX_TAIL = 65536  # bytes; the server takes no more
CHUNK = 65536
STALL_S = 30.0  # for whoever reads our output to take some of it; then the job goes on unheard
DRAIN_S = 5.0  # for output still to come once the job has ended: a process it left behind may hold the pipe for ever
LONGEST_WAIT_S = 3600.0
NOT_HAD = {"io_class": "ioClass", "cpu": "cpu", "memory_bytes": "memory", "user": "user"}


class Refused(Exception):
    """The command was not started. args: our exit code, why in words."""


class Stopper:
    """Hears that run-job is told to stop; the job is then ended."""

    def __init__(self) -> None:
        self.told = threading.Event()
        self.number = 0
        for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self.hear)

    def hear(self, number: int, frame: object) -> None:
        self.number = number
        self.told.set()


class Watch:
    """One attempt: its process, the end of its output, how it ended."""

    def __init__(self, process: "subprocess.Popen[bytes]", limit: int) -> None:
        self.process = process
        self.limit = limit
        self.tail = bytearray()
        self.output_bytes = 0
        self.remark = ""
        self.timed_out = False
        self.started = time.monotonic()
        self.duration_ms = 0
        self.passing: queue.Queue[bytes] = queue.Queue(16)
        self.threads = [threading.Thread(target=act, daemon=True) for act in (self.read, self.pass_on)]
        for thread in self.threads:
            thread.start()

    def read(self) -> None:
        """Keep what comes, and let it be passed on until nobody has taken any of it for a while."""
        pipe = self.process.stdout
        is_heard = sys.stdout is not None
        while pipe:
            chunk = pipe.read(CHUNK)
            if is_heard:
                try:
                    self.passing.put(chunk, timeout=STALL_S)
                except queue.Full:
                    is_heard = False
            if not chunk:
                break
            self.output_bytes += len(chunk)
            self.tail += chunk
            if len(self.tail) > 2 * self.limit:
                del self.tail[: len(self.tail) - self.limit]

    def pass_on(self) -> None:
        """Write it for whoever started us by hand; under Task Scheduler nobody listens."""
        is_heard = sys.stdout is not None
        while is_heard:
            left = chunk = self.passing.get()
            is_heard = bool(chunk)
            while left and is_heard:
                try:
                    left = left[os.write(1, left) :]
                except OSError:  # whoever listened has gone
                    is_heard = False

    def follow(self, timeout_s: "float | None", stopper: Stopper) -> None:
        until = self.started + timeout_s if timeout_s else float("inf")
        while self.process.poll() is None:
            if stopper.told.is_set():
                self.remark = f"told to stop by signal {stopper.number}, and the job was ended"
                return self.end()
            if time.monotonic() >= until:
                self.timed_out, self.remark = True, "the job ran into its timeout and was stopped"
                return self.end()
            try:
                self.process.wait(min(0.2, max(0.01, until - time.monotonic())))
            except subprocess.TimeoutExpired:
                pass
        return self.settle()

    def end(self) -> None:
        end_tree(self.process)
        try:
            self.process.wait(END_GRACE_S)
        except subprocess.TimeoutExpired:
            pass
        self.settle()

    def settle(self) -> None:
        self.duration_ms = round((time.monotonic() - self.started) * 1000)
        until = time.monotonic() + DRAIN_S
        for thread in self.threads:
            thread.join(max(0.0, until - time.monotonic()))


def attempts(job: "dict[str, Any]", directory: str, run_id: str, stopper: Stopper) -> "tuple[dict[str, Any], bytes]":
    """Run the command until it succeeds or has had all its attempts; return result and output. Raise Refused: not started."""
    retry = (job.get("more") or {}).get("retry")
    own = {"CRONTOPUS_RUN_ID": run_id, "CRONTOPUS_JOB_NAME": job["name"]}
    if not retry:
        return one_attempt(job, directory, own, stopper)
    began, last, kept, written, is_cut = time.monotonic(), 1 + retry["attempts"], bytearray(), 0, False
    for number in range(1, last + 1):
        try:
            result, output = one_attempt(job, directory, {**own, "CRONTOPUS_ATTEMPT": str(number)}, stopper)
        except Refused as e:
            result, output = refusal(*e.args)
        kept += (b"\n" if kept and not kept.endswith(b"\n") else b"") + output
        written, is_cut = written + result["output_bytes"], is_cut or result["output_truncated"]
        if result["status"] == "success" or number == last or stopper.told.is_set():
            break
        wait_s = min(LONGEST_WAIT_S, retry["delay_s"] * 2 ** (number - 1 if retry["is_growing"] else 0))
        said = f"attempt {number} of {last} ended with exit code {result['exit_code']}; the next one in {wait_s:g} s"
        kept += (b"\n" if kept and not kept.endswith(b"\n") else b"") + words(said)
        if stopper.told.wait(wait_s):
            break
    limit = limit_of(job)
    output = bytes(kept[-limit:]) if limit else b""
    result |= {"duration_ms": round((time.monotonic() - began) * 1000), "output_bytes": written}
    return {**result, "output_truncated": is_cut or len(kept) > len(output)}, output


def one_attempt(
    job: "dict[str, Any]", directory: str, own: "dict[str, str]", stopper: Stopper
) -> "tuple[dict[str, Any], bytes]":
    env, more = environment(job, own), job.get("more") or {}
    home = home_of(env)
    folder = folder_of(job.get("working_dir"), home)
    try:
        process = start_process(argv_of(job, directory), env, folder, more.get("nice") or 0)
    except (OSError, ValueError) as e:
        raise Refused(127 if isinstance(e, FileNotFoundError) else 126, f"cannot start {job['shell']}: {e}") from e
    watch = Watch(process, limit_of(job))
    watch.follow(job.get("timeout_s"), stopper)
    return result_of(watch, more)


def result_of(watch: Watch, more: "dict[str, Any]") -> "tuple[dict[str, Any], bytes]":
    """Return result and output. Exit codes of Windows are numbers up to 2**32; those of POSIX' signals are said as 128 + n."""
    ended = watch.process.returncode
    ended = 1 if ended is None else ended
    code = 124 if watch.timed_out else 128 - ended if ended < 0 else ended
    status = "timeout" if watch.timed_out else "failure" if code else "success"
    missing = [
        f"{NOT_HAD[key]} cannot be had on Windows; the job ran without it" for key in NOT_HAD if more.get(key) is not None
    ]
    remarks = b"".join(map(words, [*missing, watch.remark])) if watch.limit else b""
    tail = bytes(watch.tail)
    if remarks and tail and not tail.endswith(b"\n"):
        remarks = b"\n" + remarks
    output = (tail + remarks)[-watch.limit :] if watch.limit else b""
    result = {"status": status, "exit_code": code, "signal": -ended if ended < 0 else None, "duration_ms": watch.duration_ms}
    is_cut = watch.output_bytes + len(remarks) > len(output)
    return {**result, "output_bytes": watch.output_bytes, "output_truncated": is_cut}, output


def refusal(code: int, why: str) -> "tuple[dict[str, Any], bytes]":
    """Return the result and the output of a run whose command was not started; say it on stderr too."""
    attempt(os.write, 2, words(why))
    result = {"status": "failure", "exit_code": code, "signal": None, "duration_ms": 0}
    return {**result, "output_bytes": 0, "output_truncated": False}, words(why)


def limit_of(job: "dict[str, Any]") -> int:
    return max(0, min(job["max_output_bytes"], MAX_TAIL)) if job.get("output") != "none" else 0


def environment(job: "dict[str, Any]", own: "dict[str, str]") -> "dict[str, str]":
    """Return the scheduler's variables, the manifest's over them, and who is running."""
    inherited = {key: value for key, value in os.environ.items() if not key.upper().startswith("CRONTOPUS_")}
    for key in job["env"]:
        inherited = {name: value for name, value in inherited.items() if name.upper() != key.upper() or os.name != "nt"}
    return {**inherited, **job["env"], **own}


def folder_of(working_dir: "str | None", home: str) -> "str | None":
    """Return where the command starts: workingDir, which must be there, else home, if it is."""
    base = home if os.path.isdir(home) else None
    if not working_dir:
        return base
    is_below_home = working_dir.replace("\\", "/").split("/")[0] == "~"
    target = home + working_dir[1:] if is_below_home else os.path.join(base or os.getcwd(), working_dir)
    if not os.path.isdir(target):
        raise Refused(EX_CONFIG, f"cannot enter workingDir {working_dir} (it is no folder); the command was not started")
    return target
