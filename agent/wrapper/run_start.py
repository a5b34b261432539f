"""Part of run-job: starting the job's command, and what is said of one that could not be started."""

import _signal as signal  # type: ignore[import-not-found]
import posix

from agent.wrapper.run_limits import EX_CONFIG, Refused, fork_limited
from agent.wrapper.run_rules import note_process
from agent.wrapper.run_shelter import attempt, within
from agent.wrapper.run_spool import START_WAIT_S, words
from agent.wrapper.run_watch import Stream, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_TAIL = 65536  # bytes; the server takes no more
LIMITS = frozenset(("user", "nice", "io_class", "memory_bytes", "cpu"))


def refusal(code: int, why: str) -> "tuple[dict[str, Any], bytes]":
    """Return the result and the output of a run whose command was not started; say it on stderr too."""
    attempt(posix.write, 2, words(why))
    result = {"status": "failure", "exit_code": code, "signal": None, "duration_ms": 0}
    return result | {"output_bytes": 0, "output_truncated": False}, words(why)


def start(job: "dict[str, Any]", own: "dict[str, str]", signals: int) -> Watch:
    """Start the job's command in a session of its own. Raise Refused if that is not possible.

    own: variables that say who is running.
    """
    more = job.get("more") or {}
    user = more.get("user")
    try:
        # One pipe where stdout and stderr are one place, as under cron, so that their order is kept.
        sinks = [1] if posix.fstat(1)[1:3] == posix.fstat(2)[1:3] else [1, 2]
        env = environment(job, own, user)
        home = env.get(b"HOME") or home_of(None)

        def go_there() -> None:
            enter(job.get("working_dir"), home)

        argv = [job["shell"], "-c", command_of(job)]
        pipes = [posix.pipe() for _ in sinks]
        if LIMITS.isdisjoint(more):
            go_there()
            pid = spawn(argv, env, pipes[0][1], pipes[-1][1])
        else:
            pid = fork_limited(more, go_there, argv, env, pipes[0][1], pipes[-1][1])
    except (OSError, ValueError) as e:
        raise Refused(127 if isinstance(e, FileNotFoundError) else 126, f"cannot start {job['shell']}: {e}") from e
    for _, end in pipes:
        posix.close(end)
    if "lock" in more:
        within(START_WAIT_S, note_process, more["lock"], pid)
    streams = [Stream(pipe[0], sink) for pipe, sink in zip(pipes, sinks)]  # noqa: B905 - Python 3.9 has no strict
    limit = max(0, min(job["max_output_bytes"], MAX_TAIL)) if job.get("output") != "none" else 0
    return Watch(pid, streams, signals, job.get("timeout_s"), limit)


def spawn(argv: "list[str]", env: "dict[bytes, bytes]", out: int, err: int) -> int:
    ends = [(posix.POSIX_SPAWN_DUP2, out, 1), (posix.POSIX_SPAWN_DUP2, err, 2)]
    by_default = [signal.SIGPIPE, signal.SIGXFSZ]  # Python ignores them; the job must not
    try:
        return posix.posix_spawn(argv[0], argv, env, file_actions=ends, setsigdef=by_default, setsid=True)
    except NotImplementedError:  # an old macOS
        return posix.posix_spawn(argv[0], argv, env, file_actions=ends, setsigdef=by_default, setpgroup=0)


def command_of(job: "dict[str, Any]") -> str:
    """Return the command as it stands, each argument behind it quoted for a shell."""
    quoted = ["'" + argument.replace("'", "'\\''") + "'" for argument in job["args"]]
    return " ".join([job["command"].rstrip("\n"), *quoted]) if quoted else str(job["command"])


def environment(job: "dict[str, Any]", own: "dict[str, str]", user: "str | None") -> "dict[bytes, bytes]":
    """Return the scheduler's variables, those of the user it becomes, the manifest's over them, and who is running."""
    try:
        with open("/proc/self/environ", "rb") as file:
            inherited = file.read().split(b"\0")
    except OSError:  # not Linux. There Python may have added an LC_CTYPE of its own
        inherited = [key + b"=" + value for key, value in posix.environ.items()]
    pairs = [entry.split(b"=", 1) for entry in inherited if b"=" in entry and not entry.startswith(b"CRONTOPUS_")]
    env = {pair[0]: pair[1] for pair in pairs}
    if user:
        env |= {b"HOME": home_of(user), b"LOGNAME": user.encode(), b"USER": user.encode()}
    return env | {key.encode(): value.encode() for key, value in {**job["env"], **own}.items()}


def enter(working_dir: "str | None", home: bytes) -> None:
    """Go home, if that can be done, and from there to the job's workingDir, which must be there."""
    attempt(posix.chdir, home)
    if working_dir:
        target = home + working_dir[1:].encode() if working_dir.split("/")[0] == "~" else working_dir.encode()
        problem = attempt(posix.chdir, target)
        if problem:
            raise Refused(EX_CONFIG, f"cannot enter workingDir {working_dir} ({problem}); the command was not started")


def home_of(user: "str | None") -> bytes:
    """Return the home of a user, of ours if None. Raise Refused if there is no such user."""
    import pwd

    try:
        return (pwd.getpwnam(user) if user else pwd.getpwuid(posix.getuid())).pw_dir.encode()
    except KeyError as e:
        if user:
            raise Refused(EX_CONFIG, f"there is no user {user} on this machine; the command was not started") from e
        return b"/"
