"""An agent that a package manager updates: when its archive is replaced, the running one becomes the new one.

Python reads modules from the archive when they are first needed, at places it noted when it started. From another archive it
would read nonsense, so the old one must not go on for long; and nobody else restarts the agents of users.
"""

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agent import installed
from agent.client import Api
from agent.config import Config
from agent.loop import Part
from agent.status import StatusBoard

LOOK_EVERY_S = 5.0


@dataclass
class Renewing:
    """One run of the agent. stop: ends it."""

    archive: Path
    config: Config
    stop: threading.Event
    is_restart_wanted: bool = False
    started_from: tuple[int, int] | None = field(init=False)

    def __post_init__(self) -> None:
        self.started_from = _stamp(self.archive)

    def part(self, board: StatusBoard, api: Api) -> Part:
        return Part("update", LOOK_EVERY_S, self.look, lambda error: None)

    def look(self) -> None:
        """Ask for a restart once another archive is there. One that is missing is just being replaced, or removed."""
        if _stamp(self.archive) not in (self.started_from, None):
            self.is_restart_wanted = True
            self.stop.set()

    def problems(self) -> list[str]:
        return []

    def restart(self) -> None:
        """Become what the new archive holds, with the same process number."""
        os.execv(sys.executable, [sys.executable, "-I", str(self.archive), *sys.argv[1:]])  # noqa: S606 - our own program


def start(config: Config, stop: threading.Event, find: Callable[[], Path | None] = installed.archive) -> Renewing | None:
    """Return this run's part, None where no package manager put us."""
    path = find()
    return Renewing(path, config, stop) if path and installed.is_packaged(path) else None


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns
