"""Looking for another agent of this user: a process, a folder, a service. Two would take turns at the table."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from agent import proc
from agent.home import FOLDER, Home
from agent.system import system
from chalicelib.domain.errors import CrontopusError

UNIT = "crontopus-agent.service"
_PROC = Path("/proc")
_SHARED = (Path("/var/lib/crontopus"), Path("/opt/crontopus"))


def other_agents(uid: int, ours: int | None, root: Path = _PROC) -> tuple[str, ...]:
    """Return the processes of this user that run as an agent, besides this one and `ours`."""
    found = []
    for entry in sorted(root.glob("[0-9]*"), key=lambda path: int(path.name)):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            is_theirs = int(entry.name) not in (ours, os.getpid()) and entry.stat().st_uid == uid
            if is_theirs and is_agent(words):
                found.append(f"process {entry.name}{_home_of_process(entry)}")
    return tuple(found)


def is_agent(words: list[bytes]) -> bool:
    """Tell whether a command line is that of an agent that runs on."""
    if b"run" not in words[1:]:
        return False
    before = words[: words.index(b"run", 1)]
    return any(b"crontopus-agent" in Path(os.fsdecode(word)).name.encode() for word in before) or before[-2:] == [
        b"-m",
        b"agent",
    ]


def _home_of_process(entry: Path) -> str:
    with suppress(OSError):
        for variable in (entry / "environ").read_bytes().split(b"\0"):
            name, _, value = variable.partition(b"=")
            if name == b"CRONTOPUS_HOME":
                return f" with its folder below {value.decode(errors='replace')}"
    return ""


def enrolled_folders(home: Home, environ: Mapping[str, str], uid: int) -> tuple[str, ...]:
    """Return other folders in which this user's agent is enrolled."""
    bases = {Path(system.home_of(uid)), *_SHARED, *(Path(value) for value in (environ.get("HOME"),) if value)}
    found = set()
    for base in bases:
        with suppress(OSError):
            other = Home(base / FOLDER)
            is_other = other.directory.resolve() != home.directory.resolve()
            if is_other and other.config.exists() and other.directory.stat().st_uid == uid:
                found.add(str(other.directory))
    return tuple(sorted(found))


def units(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the services of systemd that would start an agent."""
    found = []
    for kind, options in (("system", ()), ("user", ("--user",))):
        with suppress(CrontopusError):
            more = {name: environ[name] for name in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS") if name in environ}
            done = proc.run(["systemctl", *options, "is-enabled", UNIT], environ=environ, more=more, timeout_s=5)
            if done.output.strip() == b"enabled":
                found.append(kind)
    return tuple(found)
