"""The discovery of this machine put together."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from agent.client import Api
from agent.config import Config
from agent.discovery import tables
from agent.discovery.scan import Circumstances
from agent.discovery.tables import Table
from agent.discovery.telling import LOOK_EVERY_S, Discovery
from agent.home import Home
from agent.loop import Part
from agent.machine import scheduler_flavour, timezone
from agent.schedulers import flavours
from agent.schedulers.factory import open_scheduler
from agent.status import StatusBoard
from agent.system import system


def open_discovery(home: Home, config: Config, environ: Mapping[str, str], uid: int, root: Path = Path("/")) -> Discovery:
    """Return what looks at this machine's tables. root: where the system's files lie.

    Only root's agent looks beyond its own table: several agents of one machine would else tell of the same lines.
    """
    login = system.login_of(uid)

    def here() -> Circumstances:
        flavour = flavours.of(scheduler_flavour(config.crontab, environ))
        home_of = str(Path(f"~{login}").expanduser())
        return Circumstances(home_of, flavour.name, flavour.zone_variable, timezone(environ), flavour.is_text)

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
    """Return the daemon's part that looks every five minutes, none on Windows: there are no tables.

    why_silent: says why the control plane is told nothing any more, None while it is.
    """
    if sys.platform == "win32":
        return []
    discovery = open_discovery(home, config, environ, system.uid())
    tell = partial(api.tell_discovered, config.endpoint_id)

    def look() -> None:
        if why_silent() is not None:
            return
        looked = discovery.look_once(tell)
        board.discovered(len(looked.lines), looked.problems, now())

    return [Part("discovery", LOOK_EVERY_S, look, lambda error: board.failed("discovery", error, now()))]
