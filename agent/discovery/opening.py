"""The discovery of this machine put together."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from agent.client import Api
from agent.config import Config
from agent.discovery import tables, tasks
from agent.discovery.scan import Circumstances
from agent.discovery.tables import Table
from agent.discovery.telling import LOOK_EVERY_S, Discovery
from agent.home import Home
from agent.loop import Part
from agent.machine import scheduler_flavour, timezone
from agent.schedulers import flavours
from agent.schedulers.base import Actual, Known
from agent.schedulers.factory import open_scheduler
from agent.schedulers.schtasks import Schtasks
from agent.status import StatusBoard
from agent.system import system


class NoTable:
    """What stands for the agent's own table where there is none: tasks beside ours are read, and ours alone are written."""

    def raw(self) -> bytes:
        return b""

    def find(self, raw: bytes, known: Known) -> Actual:
        return Actual(raw, b"")


def open_discovery(home: Home, config: Config, environ: Mapping[str, str], uid: int, root: Path = Path("/")) -> Discovery:
    """Return what looks at this machine's tables. root: where the system's files lie.

    Only root's agent looks beyond its own table: several agents of one machine would else tell of the same lines.
    """
    login = system.login_of(uid)
    if sys.platform == "win32":
        around = Circumstances(environ.get("USERPROFILE", ""), host_zone=timezone(environ))

        # An administrator sees everybody's tasks, and others nearly all of them too.
        whose = None if uid == 0 else {login, system.account()[1]}

        def tasks_beside_ours() -> Sequence[Table]:
            return list(tasks.tables(Schtasks(environ).everything(), whose))

        return Discovery(home, config.endpoint_id, NoTable(), lambda: around, tasks_beside_ours, time.time)

    def here() -> Circumstances:
        flavour = flavours.here(scheduler_flavour(config.crontab, environ))
        home_of = str(Path(f"~{login}").expanduser())
        return Circumstances(
            home_of, flavour.name, next(iter(flavour.zone_variables), None), timezone(environ), flavour.is_text
        )

    def others() -> Sequence[Table]:
        return list(tables.others(login, scheduler_flavour(config.crontab, environ), root)) if uid == 0 else []

    return Discovery(home, config.endpoint_id, open_scheduler(home, config, environ, uid), here, others, time.time)


def parts(
    home: Home,
    config: Config,
    environ: Mapping[str, str],
    api: Api,
    board: StatusBoard,
    now: Callable[[], datetime],
    why_silent: Callable[[], object],
) -> list[Part]:
    """Return the daemon's part that looks every five minutes.

    why_silent: says why the control plane is told nothing any more, None while it is.
    """
    discovery = open_discovery(home, config, environ, system.uid())
    tell = partial(api.tell_discovered, config.endpoint_id)

    def look() -> None:
        if why_silent() is not None:
            return
        looked = discovery.look_once(tell)
        board.discovered(len(looked.lines), looked.problems, now())

    return [Part("discovery", LOOK_EVERY_S, look, lambda error: board.failed("discovery", error, now()))]
