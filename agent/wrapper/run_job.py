"""Run one job for the scheduler and write down how it went: `run-job CRONTOPUS:<uuid>`.

Installed, joined with run_spool and run_watch, as the one file D/bin/run-job. Reads D/jobs/<uuid>.yaml and leaves records
in D/spool; needs no agent, network, HOME, PATH or LANG. Trouble with the records never stops, delays or alters the job.
docs/run-job.md says what an operator may rely on.

Every import is paid for at every start of every job: json, os, signal and subprocess cost more than the interpreter.
So this program lives on modules that are built in; docs/adr/0005 has the figures. It must run on Python 3.9.
"""

import _signal as signal  # type: ignore[import-not-found]
import posix
import sys

from agent.wrapper.run_spool import Spool, attempt, now_ms, this_process, uuid7
from agent.wrapper.run_watch import Stream, Watch, catch_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EX_USAGE, EX_CONFIG = 64, 78  # sysexits.h
MAX_TAIL = 65536  # bytes; the server takes no more
KINDS = {"command": str, "name": str, "namespace": str, "args": list, "env": dict, "shell": str, "max_output_bytes": int}
OPTIONAL: "dict[str, Any]" = {"commit": str, "working_dir": str, "timeout_s": (int, float), "output": str}
SHELL_MEANS = {126: "exit code 126: the command was found but may not be executed", 127: "exit code 127: command not found"}


class Refused(Exception):
    """The command was not started. args: our exit code, why in words."""


def main() -> int:
    attempt(fill_standard_descriptors)
    job_id = sys.argv[-1].rpartition("CRONTOPUS:")[2].lower()
    if len(sys.argv) != 2 or len(job_id) != 36 or job_id.strip("0123456789abcdef-"):
        attempt(posix.write, 2, words("usage: run-job CRONTOPUS:<uuid of the job>"))
        return EX_USAGE
    return run(job_id, own_directory(), catch_signals())


def run(job_id: str, directory: str, signals: int) -> int:
    """Run the job and leave its records. Return its exit code."""
    started_at = now_ms()
    run_id = uuid7(started_at)
    record: dict[str, Any] = {"run_id": run_id, "job_id": job_id, "job_name": job_id, "namespace": "default", "commit": None}
    record["started_at"] = started_at
    spool = Spool(directory, run_id)
    try:
        job = load_job(f"{directory}/jobs/{job_id}.yaml")
        record |= {"job_name": job["name"], "namespace": job["namespace"], "commit": job.get("commit")}
        spool.start(record | this_process())
        watch = start(job, run_id, signals)
        watch.follow()
        result, output = result_of(watch)
    except Refused as e:
        result, output = refusal(*e.args)
    # The clock may have been set back meanwhile; a run does not end before it began.
    record["finished_at"] = max(now_ms(), started_at + result["duration_ms"])
    spool.end(record | result, output)
    return int(result["exit_code"])


def refusal(code: int, why: str) -> "tuple[dict[str, Any], bytes]":
    """Return the result and the output of a run whose command was not started; say it on stderr too."""
    attempt(posix.write, 2, words(why))
    result = {"status": "failure", "exit_code": code, "signal": None, "duration_ms": 0}
    return result | {"output_bytes": 0, "output_truncated": False}, words(why)


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


def words(text: str) -> bytes:
    """Return what run-job itself has to say, so that nobody takes it for the job's output."""
    return f"[run-job: {text}]\n".encode("utf-8", "replace") if text else b""


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


def start(job: "dict[str, Any]", run_id: str, signals: int) -> Watch:
    """Start the job's command in a session of its own. Raise Refused if that is not possible."""
    try:
        # One pipe where stdout and stderr are one place, as under cron, so that their order is kept.
        sinks = [1] if posix.fstat(1)[1:3] == posix.fstat(2)[1:3] else [1, 2]
        env = environment(job, run_id)
        enter(job.get("working_dir"), env.get(b"HOME") or home_of_user())
        pipes = [posix.pipe() for _ in sinks]
        pid = spawn(job["shell"], command_of(job), env, pipes[0][1], pipes[-1][1])
    except (OSError, ValueError) as e:
        raise Refused(127 if isinstance(e, FileNotFoundError) else 126, f"cannot start {job['shell']}: {e}") from e
    for _, end in pipes:
        posix.close(end)
    streams = [Stream(pipe[0], sink) for pipe, sink in zip(pipes, sinks)]  # noqa: B905 - Python 3.9 has no strict
    limit = max(0, min(job["max_output_bytes"], MAX_TAIL)) if job.get("output") != "none" else 0
    return Watch(pid, streams, signals, job.get("timeout_s"), limit)


def spawn(shell: str, command: str, env: "dict[bytes, bytes]", out: int, err: int) -> int:
    ends = [(posix.POSIX_SPAWN_DUP2, out, 1), (posix.POSIX_SPAWN_DUP2, err, 2)]
    by_default = [signal.SIGPIPE, signal.SIGXFSZ]  # Python ignores them; the job must not
    arguments = [shell, "-c", command]
    try:
        return posix.posix_spawn(shell, arguments, env, file_actions=ends, setsigdef=by_default, setsid=True)
    except NotImplementedError:  # an old macOS
        return posix.posix_spawn(shell, arguments, env, file_actions=ends, setsigdef=by_default, setpgroup=0)


def command_of(job: "dict[str, Any]") -> str:
    """Return the command as it stands, each argument behind it quoted for a shell."""
    quoted = ["'" + argument.replace("'", "'\\''") + "'" for argument in job["args"]]
    return " ".join([job["command"].rstrip("\n"), *quoted]) if quoted else str(job["command"])


def environment(job: "dict[str, Any]", run_id: str) -> "dict[bytes, bytes]":
    """Return the scheduler's variables, the manifest's over them, and who is running."""
    try:
        with open("/proc/self/environ", "rb") as file:
            inherited = file.read().split(b"\0")
    except OSError:  # not Linux. There Python may have added an LC_CTYPE of its own
        inherited = [key + b"=" + value for key, value in posix.environ.items()]
    pairs = [entry.split(b"=", 1) for entry in inherited if b"=" in entry and not entry.startswith(b"CRONTOPUS_")]
    env = {pair[0]: pair[1] for pair in pairs}
    own = {**job["env"], "CRONTOPUS_RUN_ID": run_id, "CRONTOPUS_JOB_NAME": job["name"]}
    return env | {key.encode(): value.encode() for key, value in own.items()}


def enter(working_dir: "str | None", home: bytes) -> None:
    """Go home, if that can be done, and from there to the job's workingDir, which must be there."""
    attempt(posix.chdir, home)
    if working_dir:
        target = home + working_dir[1:].encode() if working_dir.split("/")[0] == "~" else working_dir.encode()
        problem = attempt(posix.chdir, target)
        if problem:
            raise Refused(EX_CONFIG, f"cannot enter workingDir {working_dir} ({problem}); the command was not started")


def home_of_user() -> bytes:
    import pwd

    try:
        return pwd.getpwuid(posix.getuid()).pw_dir.encode()
    except KeyError:
        return b"/"


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
