"""Part of run-job for Windows: what only the system can do. On any other system the same is done by POSIX' means.

Those are not used by an installed run-job, which runs under Windows alone; they let the whole of it be tried elsewhere.
"""

import os
import subprocess
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

END_GRACE_S = 10.0  # for what is left of a job's processes to go
BELOW_NORMAL, IDLE, NO_WINDOW = 0x4000, 0x40, 0x08000000


def start_process(argv: "list[str] | str", env: "dict[str, str]", folder: "str | None", nice: int) -> "subprocess.Popen[bytes]":
    """Start the job, its output and errors in one pipe. argv: a text is passed to Windows as it stands."""
    options: dict[str, Any] = {"env": env, "cwd": folder, "stdin": subprocess.DEVNULL}
    options |= {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "bufsize": 0}
    if sys.platform == "win32":
        priority = IDLE if nice >= 10 else BELOW_NORMAL if nice > 0 else 0
        process = subprocess.Popen(argv, creationflags=NO_WINDOW | priority, **options)
        process.__dict__["job"] = job_object(process)
        return process
    return subprocess.Popen(argv, start_new_session=True, **options)


def end_tree(process: "subprocess.Popen[bytes]") -> None:
    """End the job and all that it has started."""
    if sys.platform == "win32":
        import ctypes

        job = process.__dict__.get("job")
        if not (job and ctypes.windll.kernel32.TerminateJobObject(job, 124)):
            root = os.environ.get("SYSTEMROOT") or "C:\\Windows"
            command = [f"{root}\\System32\\taskkill.exe", "/PID", str(process.pid), "/T", "/F"]
            subprocess.run(command, capture_output=True, timeout=END_GRACE_S, check=False)
        process.kill()
    else:
        import signal

        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def job_object(process: "subprocess.Popen[bytes]") -> "Any":
    """Return the handle of a job object that holds the process and all its children; None if Windows will not have it."""
    if sys.platform != "win32":
        return None
    import ctypes

    kernel = ctypes.windll.kernel32
    kernel.CreateJobObjectW.restype = kernel.OpenProcess.restype = ctypes.c_void_p
    kernel.AssignProcessToJobObject.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    kernel.TerminateJobObject.argtypes = (ctypes.c_void_p, ctypes.c_uint)
    job = kernel.CreateJobObjectW(None, None)
    handle = int(getattr(process, "_handle", 0))
    return job if job and kernel.AssignProcessToJobObject(job, handle) else None


def take_lock(handle: int) -> None:
    """Lock an open file until this process ends. Raise BlockingIOError if another one has it."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError as e:
            raise BlockingIOError(e.errno, "it is locked") from e
    else:
        import fcntl

        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def born_at() -> "int | None":
    """Return what tells this process from a later one with its number: when it was created. None if that is not known."""
    if sys.platform != "win32":
        return None
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.windll.kernel32
    kernel.GetCurrentProcess.restype = wintypes.HANDLE
    kernel.GetProcessTimes.argtypes = (wintypes.HANDLE, *[ctypes.POINTER(wintypes.FILETIME)] * 4)
    times = [wintypes.FILETIME() for _ in range(4)]
    if not kernel.GetProcessTimes(kernel.GetCurrentProcess(), *map(ctypes.byref, times)):
        return None
    return int(times[0].dwHighDateTime << 32 | times[0].dwLowDateTime)


def home_of(env: "dict[str, str]") -> str:
    """Return where jobs begin."""
    return env.get("USERPROFILE") or env.get("HOME") or os.path.expanduser("~")
