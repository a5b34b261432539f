"""The machine's own cron: is it there, does it run, and if not, what to do. Standard library only."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from infra.local import debian
from infra.local.processes import identity, note_process, noted_process
from infra.local.stopped import Stopped

_DAEMONS = ("cron", "crond")
_START_TIMEOUT_S = 10.0


def ensure_installed(say: Callable[[str], None]) -> str:
    """Return what was done so that `crontab` exists. Raise Stopped, saying what to install, if that is for a person."""
    if programs_exist():
        return "installed"
    if not debian.can_install():
        raise Stopped(
            "cron is missing: there is no `crontab` or no cron daemon on this machine.\n"
            "Install it as root and run `make up` again:  Debian, Ubuntu: apt-get install cron   Fedora: dnf install cronie\n"
            "Arch: pacman -S cronie   Alpine: apk add busybox-openrc (crond)"
        )
    say("cron is missing; installing Debian's package `cron`")
    debian.install("cron", say)
    return "installed now"


def ensure_running(started_note: Path) -> str:
    """Return what was done so that the daemon runs, and note it if we started it. Raise Stopped if a person must."""
    if is_running():
        return "daemon runs"
    if os.geteuid() != 0:
        raise Stopped("the cron daemon does not run; start it as root (`service cron start` or `systemctl start cron`)")
    _start()
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not is_running():
        if time.monotonic() > deadline:
            raise Stopped("the cron daemon was started and does not run; see `service cron status`")
        time.sleep(0.1)
    note_process(started_note, next(daemon_pids()))
    return "daemon started"


def stop_if_ours(started_note: Path) -> bool:
    """Stop the daemon if it is the one that `ensure_running` started, and say whether it was."""
    pid = noted_process(started_note)
    started_note.unlink(missing_ok=True)
    if pid is None:
        return False
    _tell_service("stop")
    if identity(pid):
        os.kill(pid, signal.SIGTERM)
    return True


def programs_exist() -> bool:
    """Say whether this machine has `crontab` and a cron daemon to go with it, running or not."""
    return shutil.which("crontab") is not None and any(_find_program(name) for name in _DAEMONS)


def is_running() -> bool:
    """Say whether a cron daemon serves this machine: one in another container's file system does not count."""
    # On macOS launchd starts cron as soon as there is a table.
    return sys.platform == "darwin" or next(daemon_pids(), None) is not None


def daemon_pids() -> Iterator[int]:
    """Yield the process ids of the cron daemons that see the same files as we do."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _name(entry) in _DAEMONS and _shares_our_files(entry) and identity(int(entry.name)):
            yield int(entry.name)


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return ""


def _shares_our_files(process: Path) -> bool:
    try:
        return (process / "ns" / "mnt").readlink() == Path("/proc/self/ns/mnt").readlink()
    except PermissionError:
        # Not root: the daemon is somebody else's and does not say.
        return True
    except OSError:
        return False


def _find_program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def _start() -> None:
    _tell_service("start")
    if not is_running():
        program = _find_program("cron") or _find_program("crond")
        subprocess.run([str(program)], capture_output=True, timeout=60)


def _tell_service(verb: str) -> None:
    service = _find_program("service")
    if service and Path("/etc/init.d/cron").exists():
        subprocess.run([service, "cron", verb], capture_output=True, timeout=60)
