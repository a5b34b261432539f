"""What the agent asks of Linux and macOS."""

import fcntl
import os
import pwd
import sys
from collections.abc import Mapping
from pathlib import Path

assert sys.platform != "win32"  # noqa: S101 - it tells mypy

HAS_MODES = True  # files have permission bits
LOCKS_FOLDERS = True
RUN_JOB = "run-job"
HAS_OTHER_USERS = True  # root can start jobs as somebody else


def uid() -> int:
    """Return the number of the user we run as; 0 may do everything."""
    return os.getuid()


def login_of(uid: int) -> str:
    """Return the name of a user, its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def home_of(uid: int) -> str:
    """Return the home of a user, a path that is not there if it has none."""
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return "/nonexistent"


def base_of(uid: int, environ: Mapping[str, str]) -> str:
    """Return below what the agent's folder lies by default."""
    return environ.get("HOME") or home_of(uid)


def keep_private(directory: Path) -> None:
    """Let nobody else enter the folder."""
    directory.chmod(0o700)


def sync_folder(directory: Path) -> None:
    """Make the folder's entries survive a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(temporary: Path, path: Path) -> None:
    """Put one file in place of another, in one step."""
    temporary.replace(path)


def take_lock(handle: int, *, is_shared: bool = False) -> None:
    """Lock an open file or folder until it is closed. Raise BlockingIOError if somebody else has it."""
    fcntl.flock(handle, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


def process_alive(pid: int, pid_start: int | None, boot_id: str | None) -> bool:
    """Tell whether the very process that wrote a start record still runs. Without /proc, whether one of its number does."""
    try:
        if boot_id is not None and Path("/proc/sys/kernel/random/boot_id").read_text().strip() != boot_id:
            return False
        if pid_start is not None:
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            return stat[0] not in ("Z", "X") and int(stat[19]) == pid_start
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def machine_guid() -> str | None:
    """Return the id that the system's registry has for this machine: here files have it, see `machine`."""
    return None


def zone() -> str | None:
    """Return the zone that the system's registry names: here files name it, see `machine`."""
    return None
