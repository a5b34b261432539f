"""Is there a cron that will start the jobs? Told from /proc, and from systemd where systemd is the cron.

A table without a daemon looks healthy and runs nothing. Where /proc does not show other people's processes nothing is claimed:
a false alarm would be worse than none.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent import proc
from agent.schedulers import flavours
from agent.schedulers.flavours import Flavour
from chalicelib.domain.errors import CrontopusError

Life = Literal["running", "stopped", "unknown"]

STOPPED = "cron is not running on this machine: none of the jobs will be started"
SURE_AFTER = 3  # beats: whoever restarts or upgrades cron is no cause for alarm
_LIFE_OF_TARGET: Mapping[str, Life] = {"active": "running", "inactive": "stopped", "failed": "stopped"}
_PROC = Path("/proc")
_SPOOLS = ("var/spool/cron", "")
_NAMES = frozenset(name for flavour in flavours.FLAVOURS.values() for name in flavour.daemons)


@dataclass(frozen=True, slots=True)
class Process:
    """A process that goes by a daemon's name. has_our_files: it sees the same tables as we do, None where we may not know."""

    pid: int
    name: str
    has_our_files: bool | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at the machine gave. processes: those named like a cron. sees_all: others' processes are shown to us.

    target: what systemd says of cron.target, None where it was not asked.
    """

    processes: tuple[Process, ...] = ()
    sees_all: bool = True
    target: str | None = None


def judge(seen: Seen, flavour: Flavour) -> Life:
    """Return whether jobs will be started."""
    if not flavour.daemons:
        return _LIFE_OF_TARGET.get(seen.target or "", "unknown")
    if any(process.name in flavour.daemons and process.has_our_files is not False for process in seen.processes):
        return "running"
    return "stopped" if seen.sees_all else "unknown"


def look(flavour: Flavour, environ: Mapping[str, str], root: Path = _PROC, platform: str = sys.platform) -> Seen:
    """Look at this machine. On macOS launchd starts cron as soon as there is a table, so nobody needs to look."""
    if not platform.startswith("linux"):
        return Seen(sees_all=False)
    if not flavour.daemons:
        return Seen(target=_target(environ))
    return Seen(tuple(_daemons(root)), _shows_others(root))


def daemons(root: Path = _PROC) -> frozenset[str]:
    """Return the names of the cron daemons that serve this machine, as far as we can see."""
    return frozenset(process.name for process in _daemons(root) if process.has_our_files is not False)


def _daemons(root: Path) -> Iterable[Process]:
    try:
        entries = [entry.name for entry in os.scandir(root) if entry.name.isdigit()]
    except OSError:
        return
    for entry in entries:
        if (name := _name(root / entry)) in _NAMES:
            yield Process(int(entry), name, _has_our_files(root / entry))


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_bytes().decode(errors="replace").strip()
    except OSError:
        return ""


def _shows_others(root: Path) -> bool:
    """Tell whether the first process can be looked at: it is nobody's but root's, and mount options (hidepid) may hide it."""
    return bool(_name(root / "1"))


def _has_our_files(process: Path) -> bool | None:
    """Tell whether a daemon reads the tables that we write; one of another container reads others."""
    for spool in _SPOOLS:
        try:
            theirs, ours = (process / "root" / spool).stat(), (Path("/") / spool).stat()
        except FileNotFoundError:
            continue
        except OSError:
            return None
        return (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino)
    return None


def _target(environ: Mapping[str, str]) -> str | None:
    try:
        done = proc.run(["systemctl", "is-active", "cron.target"], environ=environ, timeout_s=5)
    except CrontopusError:
        return None
    return done.output.decode(errors="replace").strip()


def is_known(crontab: str) -> bool:
    """Tell whether the daemon is one we know: who names a program of their own as `crontab` has a cron of their own."""
    return crontab == "crontab"


class Watch:
    """Looks at every beat, and says so once it is sure that no cron runs. flavour: None where there is none to look for."""

    def __init__(self, flavour: Flavour | None, environ: Mapping[str, str]) -> None:
        self.flavour = flavour
        self.environ = environ
        self._misses = 0

    def problems(self, seen: Seen | None = None) -> list[str]:
        """Return the problem in words, or nothing. seen: what a look gave; by default it looks."""
        if self.flavour is None:
            return []
        life = judge(seen or look(self.flavour, self.environ), self.flavour)
        self._misses = self._misses + 1 if life == "stopped" else 0
        return [STOPPED] if self._misses >= SURE_AFTER else []
