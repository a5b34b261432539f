"""Looking at this machine for `doctor`. Nothing is changed but one file in our own folder, written and taken away again."""

import os
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from agent import overview, proc, shelters
from agent import spool as spools
from agent.config import Config, load_config
from agent.doctor.disks import disk_of
from agent.doctor.facts import (
    AgentFacts,
    Facts,
    HomeFacts,
    RunJobFacts,
    SpoolFacts,
    Trouble,
)
from agent.doctor.look_cron import look_at_block, look_at_cron
from agent.doctor.look_network import look_at_network
from agent.doctor.look_others import enrolled_folders, other_agents, units
from agent.home import Home, read_json, write_file
from agent.machine import VERSION, has_zone, timezone
from agent.settings import PREFIX, nearest, variables
from agent.status import judge
from agent.system import system
from chalicelib.domain.errors import CrontopusError

_PROBE = ".doctor"
_NOT_OURS = ("CRONTOPUS_HOME", "CRONTOPUS_ENROLL_TOKEN")


def gather(home: Home, environ: Mapping[str, str], uid: int, now: datetime) -> Facts:
    """Return all that `doctor` judges. What cannot be found out becomes a fact too, never an error."""
    config, trouble = _config(home, environ)
    with ThreadPoolExecutor(max_workers=1) as pool:
        # The network may take its time to fail; the rest is looked at meanwhile.
        net = pool.submit(look_at_network, home, config) if config else None
        cron, table = look_at_cron(home, config, environ, uid)
        return Facts(
            now=now,
            platform=sys.platform,
            home=look_at_home(home, uid),
            cron=cron,
            run_job=look_at_run_job(home, environ),
            agent=look_at_agent(home, config, environ, uid, now),
            is_enrolled=config is not None or trouble is None or trouble.code != "not_enrolled",
            config=trouble,
            variables=misspelt(environ),
            overridden=tuple(sorted(set(variables(Config)) & environ.keys())),
            block=look_at_block(home, config, table) if config and table is not None else None,
            net=net.result() if net else None,
            spool=look_at_spool(home),
            zone=timezone(environ),
            has_zone=has_zone(timezone(environ) or "UTC"),
        )


def _config(home: Home, environ: Mapping[str, str]) -> tuple[Config | None, Trouble | None]:
    try:
        return load_config(home, environ), None
    except CrontopusError as e:
        return None, Trouble(e.code, e.message)


def misspelt(environ: Mapping[str, str]) -> dict[str, str]:
    """Return variables that look like settings and are none, with the setting that was probably meant."""
    known = [name.removeprefix(PREFIX) for name in (*variables(Config), *_NOT_OURS)]
    ours = [name.removeprefix(PREFIX) for name in environ if name.startswith(PREFIX)]
    return {PREFIX + name: PREFIX + near for name in ours if name not in known and (near := nearest(name, known))}


def look_at_home(home: Home, uid: int) -> HomeFacts:
    """Return how the agent's folder is, and whether a file can be written there."""
    directory = home.directory
    try:
        found = directory.stat()
    except OSError as e:
        missing = isinstance(e, FileNotFoundError)
        return HomeFacts(str(directory), exists=not missing, uid=uid, owner=uid, write=None if missing else e.strerror)
    if not system.HAS_MODES:
        return HomeFacts(str(directory), uid=uid, owner=uid, disk=disk_of(directory), write=_try_to_write(directory))
    exposed = tuple(
        path.name
        for path in (home.agent_token, home.git_token, home.config)
        if (mode := _mode(path)) is not None and mode & 0o077
    )
    return HomeFacts(
        path=str(directory),
        uid=uid,
        owner=found.st_uid,
        mode=found.st_mode & 0o777,
        exposed=exposed,
        disk=disk_of(directory),
        write=_try_to_write(directory),
    )


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return None


def _try_to_write(directory: Path) -> str | None:
    path = directory / _PROBE
    content = os.urandom(4096)
    try:
        write_file(path, content)
        return None if path.read_bytes() == content else "what was written is not what is read back"
    except CrontopusError as e:
        return e.message
    except OSError as e:
        return e.strerror
    finally:
        with suppress(OSError):
            path.unlink()


def look_at_run_job(home: Home, environ: Mapping[str, str]) -> RunJobFacts:
    """Return what run-job answers to an argument that is no job's: it starts, its Python works, and it runs nothing."""
    path = home.run_job
    try:
        with path.open("rb") as file:
            interpreter = file.readline().decode(errors="replace").removeprefix("#!").strip()
    except OSError as e:
        return RunJobFacts(str(path), exists=not isinstance(e, FileNotFoundError), said=e.strerror or "")
    try:
        done = proc.run([str(path), "doctor"], environ=environ, timeout_s=10)
    except CrontopusError as e:
        return RunJobFacts(str(path), interpreter=interpreter, said=e.message)
    return RunJobFacts(
        str(path), interpreter=interpreter, code=done.code, said=done.errors.decode(errors="replace").strip()[:300]
    )


def look_at_agent(home: Home, config: Config | None, environ: Mapping[str, str], uid: int, now: datetime) -> AgentFacts:
    """Return which agents there are, and how ours is doing."""
    pid = overview.running_pid(home)
    found = None
    with suppress(CrontopusError):
        found = read_json(home.status)
    status = found if isinstance(found, dict) else {}
    heartbeat_s = config.intervals.heartbeat_s if config else 30
    # Whether it runs is judged from the process, not from these words.
    why = judge(status, now, is_running=True, heartbeat_s=heartbeat_s) if pid is not None else []
    return AgentFacts(
        version=VERSION,
        pid=pid,
        running_version=(status.get("daemon") or {}).get("version") if pid is not None else None,
        processes=other_agents(uid, pid),
        folders=enrolled_folders(home, environ, uid),
        units=units(environ),
        why=tuple(why),
    )


def look_at_spool(home: Home) -> SpoolFacts:
    """Return what waits to be delivered, and what never will be."""
    try:
        places = [home.directory / "spool", *shelters.folders(home.directory)]
        found = spools.together([spools.backlog(place, spools.process_alive) for place in places])
    except OSError:
        return SpoolFacts()
    return SpoolFacts(found.depth, found.oldest_at, found.quarantined, found.lost)
