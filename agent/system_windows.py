"""What the agent asks of Windows. None of it could be run there yet: see docs/windows.md."""

import csv
import ctypes
import hashlib
import msvcrt
import os
import sys
import time
import winreg
from collections.abc import Mapping
from ctypes import wintypes
from functools import cache
from pathlib import Path

from agent import proc
from agent.windows_zones import zone_of
from chalicelib.domain.errors import Stalled

assert sys.platform == "win32"  # noqa: S101 - what follows is for mypy and Python on Windows alone

HAS_MODES = False
LOCKS_FOLDERS = False
RUN_JOB = "run-job.py"
HAS_OTHER_USERS = False

SYSTEM_SID, ADMINISTRATORS_SID = "S-1-5-18", "S-1-5-32-544"
# A byte far behind the end: a locked one cannot be read, and the process number in the file shall be.
_LOCKED_BYTE = 1 << 30
_TRIES, _PAUSE_S = 20, 0.05
_QUERY_LIMITED, _STILL_ACTIVE, _ACCESS_DENIED = 0x1000, 259, 5


@cache
def account() -> tuple[str, str]:
    """Return name and SID of the user we run as."""
    done = proc.run([program("whoami.exe"), "/user", "/fo", "csv", "/nh"], environ=os.environ)
    rows = list(csv.reader(done.output.decode("oem", "replace").splitlines()))
    if done.code != 0 or not rows or not rows[0][-1].startswith("S-1-"):
        raise Stalled(f"whoami does not say who we are (exit code {done.code})", code="home_unusable")
    return rows[0][0], rows[0][-1]


def program(name: str) -> str:
    """Return one of Windows' own programs by its whole path: a bare name would be looked for in the current folder first."""
    return (os.environ.get("SYSTEMROOT") or "C:\\Windows") + f"\\System32\\{name}"


def is_elevated() -> bool:
    return bool(ctypes.windll.shell32.IsUserAnAdmin())


@cache
def uid() -> int:
    """Return 0 for SYSTEM and elevated administrators, who share one agent; else a number made of the user's SID."""
    if is_elevated():
        return 0
    return int(hashlib.sha256(account()[1].encode()).hexdigest()[:12], 16)


def login_of(uid: int) -> str:
    """Return the name of the user we run as, without its domain."""
    return "SYSTEM" if uid == 0 else account()[0].rpartition("\\")[2]


def home_of(uid: int) -> str:
    return base_of(uid, os.environ)


def base_of(uid: int, environ: Mapping[str, str]) -> str:
    """Return below what the agent's folder lies by default.

    The one of the whole machine is where only administrators may write: in ProgramData somebody could have made it before us.
    """
    if uid == 0:
        return (environ.get("PROGRAMFILES") or "C:\\Program Files") + "\\Crontopus"
    return environ.get("USERPROFILE") or os.environ.get("USERPROFILE") or "C:\\nonexistent"


_private: set[Path] = set()


def keep_private(directory: Path) -> None:
    """Let nobody but SYSTEM, administrators and ourselves enter the folder; what lies in it inherits that."""
    if any(above in _private for above in (directory, *directory.parents)):
        return
    ours = {SYSTEM_SID, ADMINISTRATORS_SID} | (set() if uid() == 0 else {account()[1]})
    grants = [f"*{sid}:(OI)(CI)F" for sid in sorted(ours)]
    done = proc.run([program("icacls.exe"), str(directory), "/inheritance:r", "/grant:r", *grants, "/Q"], environ=os.environ)
    if done.code != 0:
        raise OSError(f"icacls ended with {done.code}")
    _private.add(directory)


def sync_folder(directory: Path) -> None:
    """Nothing: NTFS keeps a journal of names, and folders cannot be flushed."""


def replace(temporary: Path, path: Path) -> None:
    """Put one file in place of another, in one step. One that somebody just reads cannot be replaced until it is closed."""
    for left in reversed(range(_TRIES)):
        try:
            temporary.replace(path)
            return
        except PermissionError:
            if not left:
                raise
            time.sleep(_PAUSE_S)


def take_lock(handle: int, *, is_shared: bool = False) -> None:
    """Lock an open file until it is closed. Raise BlockingIOError if somebody else has it."""
    position = os.lseek(handle, 0, os.SEEK_CUR)
    os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except PermissionError as e:
        raise BlockingIOError(e.errno, "it is locked") from e
    finally:
        os.lseek(handle, position, os.SEEK_SET)


def process_alive(pid: int, pid_start: int | None, boot_id: str | None) -> bool:
    """Tell whether the very process that wrote a start record still runs. pid_start: its moment of creation, in 100 ns."""
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
    kernel.OpenProcess.restype = wintypes.HANDLE
    kernel.GetExitCodeProcess.argtypes = (wintypes.HANDLE, ctypes.POINTER(wintypes.DWORD))
    kernel.GetProcessTimes.argtypes = (wintypes.HANDLE, *[ctypes.POINTER(wintypes.FILETIME)] * 4)
    kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
    handle = kernel.OpenProcess(_QUERY_LIMITED, False, pid)
    if not handle:
        return ctypes.get_last_error() == _ACCESS_DENIED
    try:
        code, times = wintypes.DWORD(), [wintypes.FILETIME() for _ in range(4)]
        if kernel.GetExitCodeProcess(handle, ctypes.byref(code)) and code.value != _STILL_ACTIVE:
            return False
        if pid_start is None or not kernel.GetProcessTimes(handle, *map(ctypes.byref, times)):
            return True
        return bool((times[0].dwHighDateTime << 32 | times[0].dwLowDateTime) == pid_start)
    finally:
        kernel.CloseHandle(handle)


def machine_guid() -> str | None:
    """Return the id that Windows has for this machine."""
    return _value("SOFTWARE\\Microsoft\\Cryptography", "MachineGuid")


def zone() -> str | None:
    """Return the IANA zone of this machine; a fixed one where it does not follow daylight saving time, None if unknown."""
    where = "SYSTEM\\CurrentControlSet\\Control\\TimeZoneInformation"
    name = (_value(where, "TimeZoneKeyName") or "").partition("\0")[0]
    if _value(where, "DynamicDaylightTimeDisabled") == "1":
        bias = int(_value(where, "Bias") or "1")
        bias -= (bias > 2**31) * 2**32  # minutes to UTC, stored without a sign
        return None if bias % 60 else f"Etc/GMT{bias // 60:+d}" if bias else "UTC"
    return zone_of(name)


def _value(path: str, name: str) -> str | None:
    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path, 0, winreg.KEY_READ | winreg.KEY_WOW64_64KEY) as key:
            return str(winreg.QueryValueEx(key, name)[0])
    except OSError:
        return None
