"""The main thread of the running agent: it keeps the parts at work, heeds signals and tells the service manager."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agent.config import Config
from agent.crew import Clock, Crew
from agent.loop import Part
from agent.notify import Notifier
from agent.status import StatusBoard
from chalicelib.domain.errors import CrontopusError, Unavailable

log = logging.getLogger(__name__)

TICK_S = 1.0
LOOK_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What signals, or tests, ask for."""

    stop: threading.Event = field(default_factory=threading.Event)
    reload: threading.Event = field(default_factory=threading.Event)


class Life:
    """parts_of: builds what is to be done under a configuration; raises with nothing changed if it cannot.

    load: reads the configuration. is_ended_when_stuck: nobody watches over us, so who is stuck ends, to be started anew.
    is_for_good: whether an end is one; else the same process goes on as another version.
    """

    def __init__(
        self,
        parts_of: Callable[[Config], Sequence[Part]],
        load: Callable[[], Config],
        board: StatusBoard,
        notifier: Notifier,
        wishes: Wishes,
        now: Callable[[], datetime],
        *,
        is_ended_when_stuck: bool = False,
        is_for_good: Callable[[], bool] = lambda: True,
        clock: Clock = time.monotonic,
    ) -> None:
        self.parts_of = parts_of
        self.load = load
        self.board = board
        self.notifier = notifier
        self.wishes = wishes
        self.now = now
        self.is_ended_when_stuck = is_ended_when_stuck
        self.is_for_good = is_for_good
        self.clock = clock
        self.crew = Crew(clock)
        self._look_at = clock()

    def live(self, config: Config) -> None:
        """Run until somebody wishes it to stop. Raise Unavailable if a part is stuck and nobody else would notice."""
        self.crew.work(self.parts_of(config))
        self.notifier.ready()
        while not self.wishes.stop.wait(TICK_S):
            if self.wishes.reload.is_set():
                self.wishes.reload.clear()
                self.reload()
            self.look()
        if self.is_for_good():
            self.notifier.stopping()
        else:
            self.notifier.reloading()
        self.crew.end()
        self.crew.wait()

    def reload(self) -> None:
        """Go on with the configuration as it stands in the file now; with the former one if it is not right."""
        self.notifier.reloading()
        try:
            parts = self.parts_of(self.load())
        except CrontopusError as e:
            log.error("the configuration was not read anew, the former one stays", extra={"why": e.message, "code": e.code})
            self.board.failed("config", e, self.now())
        else:
            self.crew.work(parts)
            self.board.cleared("config")
            log.info("the configuration was read anew")
        self.notifier.ready()

    def look(self) -> None:
        """See whether all parts go on and, if they do, show it to who watches over us; not more often than needed."""
        if self.clock() < self._look_at:
            return
        self._look_at = self.clock() + min(LOOK_EVERY_S, self.notifier.ping_every_s or LOOK_EVERY_S)
        stuck = self.crew.stuck()
        if not stuck:
            self.notifier.alive()
        elif self.is_ended_when_stuck and self.notifier.ping_every_s is None:
            raise Unavailable(f"{stuck[0]}; the agent ends, to be started anew", code="stuck")
        self.notifier.status("; ".join(stuck) or words(self.board))


def words(board: StatusBoard) -> str:
    """Return in one line how the agent is doing."""
    sync = board.part("sync")
    told = [f"{sync.get('managed', 0)} jobs of commit {str(sync.get('applied') or 'none yet')[:12]}"]
    for name in ("heartbeat", "sync", "delivery", "config"):
        if error := board.part(name).get("error"):
            told.append(f"{name}: {error['message']} ({error['code']})")
    return "; ".join(told)[:500]
