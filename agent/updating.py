"""The running agent's part in updates: it shows that a version on trial works, makes room for another, looks for releases."""

import logging
import os
import random
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from agent import audit, installed, trial, update
from agent.client import Api
from agent.config import Config
from agent.home import Home
from agent.installed import Installation
from agent.loop import Part
from agent.machine import VERSION
from agent.status import StatusBoard
from agent.trial import Trial
from chalicelib.domain.errors import CrontopusError
from chalicelib.domain.releases import order
from chalicelib.domain.times import from_text

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
# A version that runs and cannot do its work is given up like one that does not start: three times this long.
WORKS_WITHIN = timedelta(minutes=15)
CHECK_EVERY = timedelta(hours=6)
CHECK_AGAIN = timedelta(hours=1)


@dataclass
class Updating:
    """One run of the agent. trial: the one it is part of. chance: 0 to 1, spreads what a whole fleet would else do at once."""

    place: Installation
    trial: Trial | None
    config: Config
    keys: Sequence[bytes]
    home: Home
    environ: Mapping[str, str]
    stop: threading.Event
    now: Callable[[], datetime]
    chance: Callable[[], float] = random.random
    is_restart_wanted: bool = False
    started_at: datetime = field(init=False)
    check_at: datetime = field(init=False)
    current: str | None = field(init=False)

    def __post_init__(self) -> None:
        self.started_at = self.now()
        self.check_at = self.started_at + CHECK_AGAIN * self.chance()
        self.current = self.place.current()

    def part(self, board: StatusBoard, api: Api) -> Part:
        return Part("update", LOOK_EVERY_S, lambda: self.look(board, api), lambda error: None)

    def look(self, board: StatusBoard, api: Api) -> None:
        """Do what is to be done now: end a trial, make room for another version, look for a release."""
        now = self.now()
        if self.trial:
            self._judge(self.trial, board, now)
        elif self.config.updates != "off" and now >= self.check_at:
            self._check(board, api, now)
        # What `current` was when we started need not be us: the launcher may have gone back to the version before.
        if self.place.current() not in (self.current, None):
            self._restart("another version is current")

    def problems(self) -> list[str]:
        """Return what the control plane should know of the last update."""
        return trial.problems(self.place, self.now())

    def restart(self) -> None:
        """Become the version that is current: same process number, so whoever started us notices nothing."""
        launcher = str(self.place.launcher)
        os.execv(launcher, [launcher, *sys.argv[1:]])  # noqa: S606 - a path of ours

    def _judge(self, begun: Trial, board: StatusBoard, now: datetime) -> None:
        if all(_has_worked(board.part(name), self.started_at) for name in ("heartbeat", "sync")):
            trial.settle(self.place, begun, "healthy", now)
            self.trial = None
            audit.record(self.home, "updated", asdict(begun) | {"outcome": "healthy"}, self.now)
            log.info("update done", extra={"version": begun.version, "from_version": begun.from_version})
        elif now - self.started_at > WORKS_WITHIN:
            self._restart("no heartbeat and round got through")

    def _check(self, board: StatusBoard, api: Api, now: datetime) -> None:
        self.check_at = now + CHECK_AGAIN
        try:
            source = update.source(api, self.keys, self.config.trust.ca_file)
            release = source.offered(self.config.update_channel, now)
            self.check_at = now + CHECK_EVERY * (0.75 + 0.5 * self.chance())
            is_newer = order(release.version) > order(VERSION)
            board.offered(release.version if is_newer else None, now)
            if is_newer and self.config.updates == "auto" and self._may_take(release.version, board):
                update.refuse(release, VERSION)
                update.install(self.place, release, source, VERSION, self.environ)
        except CrontopusError as e:
            log.warning("no update", extra={"why": e.message, "code": e.code})
            board.failed("update", e, now)

    def _may_take(self, version: str, board: StatusBoard) -> bool:
        """Tell whether to take it by ourselves: not one that was taken back, and not while it could not show that it works."""
        before = trial.last(self.place)
        is_known_bad = before.get("outcome") == "rolled_back" and before.get("version") == version
        is_well = all(_has_worked(board.part(name), self.started_at) for name in ("heartbeat", "sync"))
        return is_well and not is_known_bad

    def _restart(self, why: str) -> None:
        log.info("restarting", extra={"why": why, "current": self.place.current()})
        self.is_restart_wanted = True
        self.stop.set()


def start(
    config: Config,
    keys: Sequence[bytes],
    home: Home,
    environ: Mapping[str, str],
    stop: threading.Event,
    now: Callable[[], datetime],
) -> Updating | None:
    """Return this run's part in updates, None if this agent does not update itself. Ends a way back that has begun."""
    place = installed.own()
    if place is None:
        return None
    begun, before = None, trial.find(place)
    try:
        begun = trial.at_start(place, now())
        if before and not begun and trial.find(place) is None:
            audit.record(home, "updated", asdict(before) | {"outcome": trial.last(place).get("outcome")}, now)
    except (CrontopusError, OSError) as e:  # we run, whatever the next start will be
        log.error("the way back cannot be finished", extra={"why": str(e), "prefix": str(place.prefix)})
    return Updating(place, begun, config, keys, home, environ, stop, now)


def _has_worked(part: Mapping[str, object], since: datetime) -> bool:
    at = part.get("succeeded_at")
    return isinstance(at, str) and from_text(at) >= since and not part.get("error")
