"""Part of run-job: starting a job that is to be somebody else, or to have less of the machine.

This costs a fork, so only jobs that ask for it go this way. What the machine does not grant is said in the job's output, and
the job runs without it; who it runs as is never left open.
"""

import _signal as signal  # type: ignore[import-not-found]
import posix
from _warnings import filters as warning_filters

from agent.wrapper.run_shelter import attempt
from agent.wrapper.run_spool import words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

IO_CLASSES = {"realtime": 1, "best-effort": 2, "idle": 3}  # ioprio_set(2)
IO_LEVEL = 4  # the middle of 0 to 7
IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30, "i686": 289, "armv7l": 314, "ppc64le": 273, "s390x": 282}
NAMES = {"io_class": "ioClass", "nice": "nice", "cpu": "cpu", "memory_bytes": "memory"}
EX_CONFIG = 78  # sysexits.h


class Refused(Exception):
    """The command was not started. args: our exit code, why in words."""


def fork_limited(
    more: "dict[str, Any]", prepare: "Callable[[], None]", argv: "list[str]", env: "dict[bytes, bytes]", out: int, err: int
) -> int:
    """Start a program under the job's limits, in a session of its own, and return its process number.

    prepare: what is still to be done once the process is who it shall be. Raise OSError or Refused if it cannot be started.
    """
    reader, writer = posix.pipe()  # closed by a program that starts
    # Since 3.12 Python warns, on the job's stderr, of a fork while a thread of ours still waits for the disk.
    warning_filters.insert(0, ("ignore", None, Warning, None, 0))
    pid = posix.fork()
    if pid == 0:
        become_the_job(more, prepare, argv, env, out, err, writer)
    posix.close(writer)
    told = posix.read(reader, 4096).decode("utf-8", "replace").split(" ", 2)
    posix.close(reader)
    if told != [""]:
        posix.waitpid(pid, 0)
        kind, code, text = told
        raise Refused(int(code), text) if kind == "refused" else OSError(int(code), text)
    return pid


def become_the_job(
    more: "dict[str, Any]",
    prepare: "Callable[[], None]",
    argv: "list[str]",
    env: "dict[bytes, bytes]",
    out: int,
    err: int,
    writer: int,
) -> None:
    """Never returns: the job's program takes over, or the reason why not goes to `writer`."""
    why = "refused 78 it could not be prepared"
    try:
        signal.set_wakeup_fd(-1)  # what is sent to the job from here on is not the parent's
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them; the job must not
            signal.signal(number, signal.SIG_DFL)
        posix.setsid()
        posix.dup2(out, 1)
        posix.dup2(err, 2)
        limit(more, (("io_class", lower_io), ("nice", lower_priority), ("cpu", keep_to_processors)))
        if more.get("user"):
            posix.chdir("/")  # should the user's home be missing, root's is no place to start in
            become(more["user"])
        prepare()
        limit(more, (("memory_bytes", lower_memory),))  # from here on we have no more ourselves
        posix.execve(argv[0], argv, env)
    except Refused as e:
        why = f"refused {e.args[0]} {e.args[1]}"
    except OSError as e:
        why = f"failed {e.errno} {e.strerror}"
    finally:
        # Whatever it was: two run-jobs must not go on.
        attempt(posix.write, writer, why.encode("utf-8", "replace")[:4096])
        posix._exit(127)


def become(login: str) -> None:
    """Give up root for this user. Raise Refused if that is not possible."""
    import pwd

    try:
        user = pwd.getpwnam(login)
        posix.initgroups(login, user.pw_gid)
        posix.setgid(user.pw_gid)
        posix.setuid(user.pw_uid)
    except (OSError, KeyError) as e:
        raise Refused(EX_CONFIG, f"cannot become the user {login} ({e}); the command was not started") from e


def limit(more: "dict[str, Any]", steps: "tuple[tuple[str, Callable[[Any], None]], ...]") -> None:
    """Take from this process what the job shall not have; say on stderr, which is the job's by now, what cannot be taken."""
    for key, act in steps:
        if more.get(key) is None:
            continue
        try:
            act(more[key])
        except (OSError, ImportError, AttributeError, KeyError, ValueError) as e:
            why = getattr(e, "strerror", None) or "this system cannot do that"
            attempt(posix.write, 2, words(f"{NAMES[key]} {more[key]} cannot be had here ({why}); the job runs without it"))


def lower_priority(nice: int) -> None:
    posix.nice(nice - posix.nice(0))


def lower_io(name: str) -> None:
    from ctypes import CDLL, get_errno

    system = posix.uname()
    if system.sysname != "Linux":  # where the same number is another call
        raise KeyError(system.sysname)
    value = IO_CLASSES[name] << 13 | (0 if name == "idle" else IO_LEVEL)
    if CDLL(None, use_errno=True).syscall(IOPRIO_SET[system.machine], 1, 0, value) < 0:
        raise OSError(get_errno(), posix.strerror(get_errno()))


def keep_to_processors(count: int) -> None:
    """Leave the process this many of its processors; which ones differs from run to run."""
    allowed = sorted(posix.sched_getaffinity(0))
    first = posix.getpid() % len(allowed)
    posix.sched_setaffinity(0, (allowed[first:] + allowed[:first])[:count])


def lower_memory(size_bytes: int) -> None:
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_AS)
    size = size_bytes if most == resource.RLIM_INFINITY else min(size_bytes, most)
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
