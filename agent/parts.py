"""What the agent does again and again, and when it leaves off: heartbeat, rounds, delivery."""

import logging
from collections.abc import Callable
from datetime import datetime

from agent import audit
from agent import uninstall as leaving
from agent.audit_facts import of_round
from agent.config import Config
from agent.delivering import Deliveries
from agent.fate import Fate
from agent.home import Home
from agent.loop import Part
from agent.status import StatusBoard
from agent.sync import Sync
from chalicelib.domain.errors import CrontopusError

log = logging.getLogger(__name__)


def main_parts(
    home: Home,
    config: Config,
    board: StatusBoard,
    beat: Callable[[], None],
    sync: Sync,
    delivery: Deliveries,
    fate: Fate,
    now: Callable[[], datetime],
) -> list[Part]:
    """Return heartbeat, rounds and delivery. beat: sends one heartbeat."""
    noted: list[tuple[str, str | None]] = []

    def go_round() -> None:
        if end := fate.end():
            _leave(home, config, sync, fate, now)
            raise fate.end() or end
        report = sync.round()
        board.synced(report)
        log.debug("round", extra={"commit": report.head, "managed": report.managed})
        if report.is_written or noted != [(report.head, report.applied)]:
            noted[:] = [(report.head, report.applied)]
            audit.record(home, "round", of_round(report), now)

    def beat_once() -> None:
        was_failing = board.part("heartbeat").get("error")
        try:
            beat()
        except CrontopusError as e:
            fate.refused(e, now())
            raise
        fate.accepted()
        if was_failing:
            delivery.retry_now()

    spans = config.intervals
    return [
        Part("heartbeat", spans.heartbeat_s, beat_once, lambda error: board.failed("heartbeat", error, now())),
        Part("sync", spans.sync_s, go_round, lambda error: board.failed("sync", error, now())),
        *delivery.parts(board, now),
    ]


def _leave(home: Home, config: Config, sync: Sync, fate: Fate, now: Callable[[], datetime]) -> None:
    """Take the jobs out of the scheduler of a machine that is no endpoint any more, if its configuration says so."""
    if config.on_revoke != "remove" or fate.is_removed:
        return
    saved = leaving.uninstall(home, sync.scheduler, config.endpoint_id)
    fate.note_removed()
    audit.record(home, "uninstalled", {"endpoint_id": config.endpoint_id, "is_changed": saved is not None}, now)
    log.warning("our block is out of the table", extra={"saved": str(saved)})
