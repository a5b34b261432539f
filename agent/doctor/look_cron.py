"""Looking at cron for `doctor`: its program, its permissions, its daemon, and our block. The table is read, never written."""

import os
import shutil
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from agent import audit
from agent.config import DEFAULT_CRONTAB, Config
from agent.decide import known_of
from agent.doctor.disks import disk_of
from agent.doctor.facts import BlockFacts, CronFacts, Trouble
from agent.home import Home
from agent.machine import scheduler_flavour
from agent.overview import running_pid
from agent.schedulers import alive, block, flavours
from agent.schedulers.crontab import SPOOL, CrontabProgram
from agent.schedulers.factory import open_scheduler
from agent.state import load_inventory
from agent.system import system
from chalicelib.domain.errors import CrontopusError

_PROC = Path("/proc")
_ETC = (Path("/etc"), Path("/usr/lib/cron"))
_SPOOLS = (SPOOL, Path("/var/spool/cron"), Path("/var/cron/tabs"), Path("/usr/lib/cron/tabs"))


def look_at_cron(home: Home, config: Config | None, environ: Mapping[str, str], uid: int) -> tuple[CronFacts, bytes | None]:
    """Return what is known of this machine's cron, and the table, None if it cannot be read."""
    if sys.platform == "win32":
        return _look_at_tasks(home, config, environ, uid)
    program = config.crontab if config else DEFAULT_CRONTAB
    path = shutil.which(program, path=environ.get("PATH"))
    name = scheduler_flavour(program, environ)
    flavour, login = flavours.of(name), system.login_of(uid)
    table, trouble = _table(program, environ, flavour, login) if path else (None, None)
    is_own = not alive.is_known(program)
    spool = None if is_own else next((folder for folder in _SPOOLS if folder.is_dir()), None)
    facts = CronFacts(
        program=program,
        path=path,
        flavour=name,
        is_privileged=_is_privileged(path),
        is_own=is_own,
        denied_by=None if is_own else denied_by(login, uid, _ETC),
        table_lines=None if table is None else table.count(b"\n"),
        trouble=trouble,
        limit=flavour.line_limit(is_root=uid == 0),
        spool=str(spool) if spool else None,
        fits_spool=_fits(path, spool, uid),
        spool_disk=disk_of(spool) if spool else None,
        last_write=_last_write(home),
        life="unknown" if is_own or not path else alive.judge(alive.look(flavour, environ), flavour),
        no_new_privs=no_new_privs({"this command": os.getpid(), "the running agent": running_pid(home)}),
        full_disk_access=_full_disk_access(trouble),
        confined_by=confined_by(),
    )
    return facts, table


def _table(
    program: str, environ: Mapping[str, str], flavour: flavours.Flavour, login: str
) -> tuple[bytes | None, Trouble | None]:
    try:
        return CrontabProgram(program, environ, flavour, login=login, spooled=SPOOL / login).read(), None
    except CrontopusError as e:
        return None, Trouble(e.code, e.message)


def _look_at_tasks(home: Home, config: Config | None, environ: Mapping[str, str], uid: int) -> tuple[CronFacts, bytes | None]:
    """Return what is known of Task Scheduler; its service cannot be stopped, and what it refuses it says."""
    facts = CronFacts("schtasks", shutil.which("schtasks"), "task-scheduler", last_write=_last_write(home), life="running")
    if config is None:
        return facts, None
    try:
        table = open_scheduler(home, config, environ, uid).raw()
    except CrontopusError as e:
        return replace(facts, trouble=Trouble(e.code, e.message)), None
    return replace(facts, table_lines=table.count(b"\n")), None


def _is_privileged(path: str | None) -> bool:
    if path is None:
        return False
    with suppress(OSError):
        return bool(Path(path).resolve().stat().st_mode & (stat.S_ISUID | stat.S_ISGID))
    return False


def denied_by(login: str, uid: int, folders: tuple[Path, ...]) -> str | None:
    """Return the file by which crontab(1) refuses this user, None if none does. One that we may not read says nothing."""
    if uid == 0:
        return None
    for folder in folders:
        allowed, denied = _names(folder / "cron.allow"), _names(folder / "cron.deny")
        if allowed is not None:
            return None if login in allowed else str(folder / "cron.allow")
        if denied is not None and login in denied:
            return str(folder / "cron.deny")
    return None


def _names(path: Path) -> set[str] | None:
    try:
        return {line.strip() for line in path.read_text(errors="replace").splitlines()}
    except OSError:
        return None


def _fits(path: str | None, spool: Path | None, uid: int) -> bool | None:
    """Tell from modes alone whether the program, as whom it runs, may write into the folder of the tables."""
    if path is None or spool is None:
        return None
    try:
        program, folder = Path(path).resolve().stat(), spool.stat()
    except OSError:
        return None
    if sys.platform == "win32":
        return True
    as_uid = program.st_uid if program.st_mode & stat.S_ISUID else uid
    if as_uid == 0:
        return True
    if folder.st_uid == as_uid:
        return bool(folder.st_mode & stat.S_IWUSR)
    gids = {program.st_gid} if program.st_mode & stat.S_ISGID else set(os.getgroups())
    return bool(folder.st_mode & (stat.S_IWGRP if folder.st_gid in gids else stat.S_IWOTH))


def _last_write(home: Home) -> str | None:
    with suppress(OSError):
        written = [link.entry for link in audit.links(home) if link.entry and link.entry.facts.get("kind") == "table"]
        return str(written[-1].facts["at"]) if written else None
    return None


def no_new_privs(processes: Mapping[str, int | None], root: Path = _PROC) -> tuple[str, ...]:
    """Return which of these processes may gain no privileges: a setgid `crontab` gains none from them either."""
    found = []
    for who, pid in processes.items():
        with suppress(OSError):
            if pid and "NoNewPrivs:\t1" in (root / str(pid) / "status").read_text(errors="replace"):
                found.append(who)
    return tuple(found)


def confined_by(root: Path = Path("/")) -> str | None:
    """Return which mandatory access control confines us, None if none does."""
    with suppress(OSError):
        if (root / "sys/fs/selinux/enforce").read_text().strip() == "1":
            return "SELinux"
    with suppress(OSError):
        label = (root / "proc/self/attr/current").read_text().strip("\0\n ")
        if label.endswith("(enforce)"):
            return f"AppArmor ({label})"
    return None


def _full_disk_access(trouble: Trouble | None) -> bool | None:
    """Return whether macOS lets us at the table, None elsewhere."""
    if sys.platform != "darwin":
        return None
    return trouble is None or "Operation not permitted" not in trouble.message


def look_at_block(home: Home, config: Config, table: bytes) -> BlockFacts:
    """Return how our block stands."""
    inventory = None
    with suppress(CrontopusError):
        inventory = load_inventory(home.inventory)
    known = known_of(inventory, config.endpoint_id)
    actual = block.find(table, known)
    lines = {item.line for item in actual.items}
    expected = dict(known.lines)
    return BlockFacts(
        expected=len(expected),
        notes=tuple(actual.notes),
        missing=sum(line not in lines for line in expected.values()),
        unknown=sum(item.line not in expected.values() for item in actual.items) if inventory else 0,
        others=other_blocks(table, known.endpoint_ids),
    )


def other_blocks(table: bytes, ours: frozenset[str]) -> tuple[str, ...]:
    """Return whose blocks stand in the table besides ours."""
    words = (line.split() for line in table.splitlines() if line.startswith(b"# BEGIN CRONTOPUS "))
    return tuple(sorted({name for parts in words if (name := parts[-1].decode(errors="replace")) not in ours}))
