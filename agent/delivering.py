"""All that delivers: from D/spool, and from where run-job writes if it cannot write there."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from agent import spool as spools
from agent.client import open_api
from agent.config import Config
from agent.home import Home
from agent.loop import Part
from agent.report import Delivery
from agent.shelters import MAX_BYTES, Shelters
from agent.spool import Backlog
from agent.status import StatusBoard
from chalicelib.domain.errors import CrontopusError


class Deliveries:
    """token: reads the one that is in force now. stopped: tells why nothing may be sent. saw: see Delivery."""

    def __init__(
        self,
        home: Home,
        config: Config,
        token: Callable[[], str],
        stopped: Callable[[], CrontopusError | None] = lambda: None,
        saw: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        self.spool = spool_of(home)
        self._interval_s = config.intervals.delivery_s

        def deliver_from(folder: Path) -> Delivery:
            check_in = open_api(config, token).check_in
            return Delivery(
                folder,
                config.endpoint_id,
                check_in,
                elsewhere=lambda: (self.spool,),
                stopped=stopped,
                max_bytes=MAX_BYTES,
                saw=saw,
            )

        self.shelters = Shelters(home.directory, deliver_from)
        check_in = open_api(config, token).check_in
        elsewhere = self.shelters.folders
        self.main = Delivery(self.spool, config.endpoint_id, check_in, elsewhere=elsewhere, stopped=stopped, saw=saw)

    def backlog(self) -> Backlog:
        """Return what the server has not confirmed yet, wherever it lies."""
        return spools.together([self.main.backlog(), *self.shelters.backlogs()])

    def problems(self, waiting: Backlog) -> list[str]:
        """Return what somebody should look at, in words."""
        return [*self.main.problems(waiting), *self.shelters.problems(self.spool)]

    def retry_now(self) -> None:
        """Do not wait any longer: something has told us that the server takes our calls again."""
        self.main.retry_now()
        self.shelters.retry_now()

    def parts(self, board: StatusBoard, now: Callable[[], datetime]) -> list[Part]:
        """Return two, for a disk that hangs holds up whoever looks at the spool."""

        def deliver() -> float:
            step = self.main.deliver_once(now())
            board.delivered(step, now())
            self.shelters.move_back(self.spool, time.monotonic())
            # Asked while it waits, it answers at once: so it notices soon when a heartbeat got through again.
            return 0.0 if step.sent else min(step.wait_s, self._interval_s)

        def deliver_sheltered() -> float:
            step = self.shelters.deliver_once(now())
            return 0.0 if step.sent else min(step.wait_s, self._interval_s)

        return [
            Part("delivery", self._interval_s, deliver, lambda error: board.failed("delivery", error, now())),
            Part("shelters", self._interval_s, deliver_sheltered, lambda error: None),
        ]


def spool_of(home: Home) -> Path:
    return home.directory / "spool"
