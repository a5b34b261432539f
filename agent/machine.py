"""What the agent can say about the machine it runs on."""

import hashlib
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, ZoneInfoNotFoundError

from agent import standing as standings
from agent.config import Config
from agent.guard import guarded
from agent.here import Here
from agent.home import Home, login_of, write_file
from agent.schedulers import alive, flavours, triggers
from agent.schedulers.base import Around
from agent.system import system
from chalicelib.domain.endpoints import Facts

VERSION = "0.1.0"

_ROOT = Path("/")
NOTHING_AROUND = Around()
_ID_FILES = ("etc/machine-id", "var/lib/dbus/machine-id")


def facts(name: str | None, home: Home, uid: int, crontab: str, environ: Mapping[str, str], root: Path = _ROOT) -> Facts:
    """Return the facts of this machine. name: what to call it, its hostname if None. root: where the system's files lie."""
    hostname = socket.gethostname() or "localhost"
    return Facts(
        name=name or hostname[:100],
        hostname=hostname,
        platform=sys.platform,
        version=VERSION,
        machine_id=machine_id(home, uid, root),
        timezone=timezone(environ, root),
        scheduler=scheduler_flavour(crontab, environ, root),
    )


def here(home: Home, config: Config, environ: Mapping[str, str], uid: int, around: Around = NOTHING_AROUND) -> Here:
    """Return what of this machine decides which jobs it has: as it is now, for names and labels may change.

    around: what its scheduler was seen to be.
    """
    standing = standings.load(home.standing, config.endpoint_id)
    return Here(
        facts={
            "name": standing.name if standing else config.name,
            "hostname": socket.gethostname() or "localhost",
            "platform": sys.platform,
            "endpoint": config.endpoint_id,
        },
        labels=standing.labels if standing else None,
        timezone=timezone(environ),
        has_zone=has_zone,
        login=login_of(uid),
        is_root=uid == 0 and system.HAS_OTHER_USERS,
        allowed_users=frozenset(config.allowed_users),
        keep=triggers.kept if sys.platform == "win32" else around.keep or guarded,
        has_reboot=around.has_reboot,
    )


def has_zone(zone: str) -> bool:
    """Tell whether the system itself has the zone's rules: run-job sees no package of ours. On Windows we write them down."""
    return _is_zone(zone) and (sys.platform == "win32" or any((Path(folder) / zone).is_file() for folder in TZPATH))


def machine_id(home: Home, uid: int, root: Path = _ROOT) -> str:
    """Return what tells this user of this machine from all others: SHA-256, hex; the system's own id is not given away.

    machine-id(5) asks for exactly that. Where the system has none, one is made once and kept in the agent's folder.
    """
    files = (_first_line(root / name) for name in _ID_FILES)
    known = _first_line(home.machine_id) or system.machine_guid() or next((text for text in files if text), None)
    own = known or _kept_id(home)
    return hashlib.sha256(f"crontopus endpoint\0{own}\0{uid}".encode()).hexdigest()


@contextmanager
def new_machine_id(home: Home) -> Iterator[None]:
    """Be another machine from here on, whatever the system says; unless the block fails, then all is as before."""
    before = _first_line(home.machine_id)
    write_file(home.machine_id, f"{secrets.token_hex(16)}\n".encode())
    try:
        yield
    except BaseException:
        if before:
            write_file(home.machine_id, f"{before}\n".encode())
        else:
            home.machine_id.unlink(missing_ok=True)
        raise


def _kept_id(home: Home) -> str:
    kept = _first_line(home.machine_id)
    if kept:
        return kept
    made = secrets.token_hex(16)
    write_file(home.machine_id, f"{made}\n".encode())
    return made


def timezone(environ: Mapping[str, str], root: Path = _ROOT) -> str | None:
    """Return the zone that the scheduler lives in. The system's comes first: TZ of our own shell need not be its."""
    if sys.platform == "win32":
        zone = system.zone()
        return zone if zone and _is_zone(zone) else None
    candidates = (_linked_zone(root / "etc/localtime"), _first_line(root / "etc/timezone"), environ.get("TZ", "").lstrip(":"))
    return next((zone for zone in candidates if zone and _is_zone(zone)), None)


def _linked_zone(path: Path) -> str | None:
    try:
        target = str(path.readlink())
    except OSError:
        return None
    return target.partition("zoneinfo/")[2] or None


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _first_line(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip().split("\n")[0] or None
    except (OSError, ValueError):
        return None


def scheduler_flavour(crontab: str, environ: Mapping[str, str], root: Path = _ROOT) -> str | None:
    """Return whose cron this is, for its rules differ, None if there is none: see `flavours.FLAVOURS`; or taskscheduler."""
    if sys.platform == "win32":
        return "taskscheduler"
    return flavours.detect(crontab, environ, alive.daemons(), root)
