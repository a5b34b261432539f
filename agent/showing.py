"""Metrics and health of the running agent: for node_exporter as a file, for whoever asks as an address."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from agent import spool as spools
from agent.config import Config
from agent.delivering import Deliveries
from agent.exposition import text
from agent.health import health
from agent.home import Home, write_file
from agent.listening import Listener
from agent.loop import Part
from agent.machine import VERSION
from agent.status import StatusBoard
from agent.tally import Tally

REFRESH_S = 15.0
# A backlog is read beside delivery, so that metrics go on while the control plane is away; so many runs each time.
_READ_AT_ONCE = 500


class Showing:
    """What one generation of parts shows. cron: tells what is wrong with the daemon that starts the jobs."""

    def __init__(
        self,
        config: Config,
        board: StatusBoard,
        tally: Tally,
        delivery: Deliveries,
        now: Callable[[], datetime],
        cron: Callable[[], Sequence[str]],
    ) -> None:
        self.config = config
        self.board = board
        self.tally = tally
        self.delivery = delivery
        self.now = now
        self.cron = cron
        self.since = now()
        self._written: str | None = None

    def metrics(self) -> str:
        identity = {"version": VERSION, "endpoint_id": self.config.endpoint_id, "name": self.config.name}
        told = self.board.told() or ()
        sync = {**self.board.part("sync"), "drifted": sum(one.drift for one in told)}
        heartbeat = self.board.part("heartbeat")
        return text(identity, self.tally.counts(), sync, heartbeat, self.delivery.backlog())

    def health(self) -> tuple[bool, dict[str, Any]]:
        spans = self.config.intervals
        is_well, told = health(
            self.board.part("sync"), self.board.part("heartbeat"), self.since, self.now(),
            sync_s=spans.sync_s, heartbeat_s=spans.heartbeat_s, cron=self.cron(),
        )  # fmt: skip
        return is_well, {**told, "version": VERSION, "endpoint_id": self.config.endpoint_id}

    def refresh(self) -> None:
        """Bring what is counted up to date, and the file if anything in it is new."""
        _read_backlog(self.delivery.spool, self.tally)
        told = self.board.told()
        if told is not None:
            self.tally.keep_only(one.job_id for one in told)
        self.tally.save()
        if path := self.config.metrics.textfile:
            found = self.metrics()
            if found != self._written:
                # node_exporter is another user.
                write_file(Path(path), found.encode(), mode=0o644, is_durable=False)
                self._written = found


def open_tally(home: Home, clock: Callable[[], float]) -> Tally:
    return Tally(home.directory / "job-metrics.json", clock)


def parts(showing: Showing, listener: Listener) -> list[Part]:
    """Return what is to be done for metrics; nothing where nobody wants any. Raise Stalled if the address cannot be had."""
    wanted = showing.config.metrics
    listener.listen(wanted.address, showing.metrics, showing.health)
    # What fails is in the log; metrics that stay as they are show it as well.
    found = [Part("metrics", REFRESH_S, showing.refresh, lambda error: None)] if wanted.is_wanted else []
    return [*found, *([Part("listening", 1.0, listener.serve, lambda error: None)] if wanted.listen else [])]


def _read_backlog(spool: Path, tally: Tally) -> None:
    """Count ended runs that wait; of those that delivery has not come to yet nobody else would know."""
    left = _READ_AT_ONCE
    for run_id, suffixes in sorted(spools.runs_in(spool).items()):
        if spools.END not in suffixes or tally.has_seen(run_id):
            continue
        with suppress(OSError, ValueError, TypeError):
            tally.saw(json.loads((spool / f"{run_id}{spools.END}").read_bytes()))
        left -= 1
        if not left:
            return
