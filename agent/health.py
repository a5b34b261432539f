"""Whether the agent is well, for a probe: the repository, the scheduler, the control plane."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from agent.tally import SCHEDULER_CODES
from chalicelib.domain.times import from_text

OK, STARTING, FAILING, LATE = "ok", "starting", "failing", "late"


def health(
    sync: Mapping[str, Any],
    heartbeat: Mapping[str, Any],
    since: datetime,
    now: datetime,
    *,
    sync_s: float,
    heartbeat_s: float,
    cron: Sequence[str] = (),
) -> tuple[bool, dict[str, Any]]:
    """Return whether all is well, and how each of the three is.

    sync, heartbeat: these parts of the status board. since: when the agent started; what was before is no news.
    sync_s, heartbeat_s: how often they come. cron: what is wrong with the daemon that starts the jobs.
    """
    error = sync.get("error") or {}
    is_scheduler = error.get("code") in SCHEDULER_CODES
    rounds = _state({**sync, "error": None} if is_scheduler else sync, since, now, sync_s)
    told = {
        "git_sync_status": OK if is_scheduler else rounds,
        "scheduler_status": FAILING if is_scheduler or cron else STARTING if rounds == STARTING else OK,
        "backend_connectivity": _state(heartbeat, since, now, heartbeat_s),
    }
    is_well = set(told.values()) == {OK}
    why = [f"{one['code']}: {one['message']}" for part in (sync, heartbeat) if (one := part.get("error"))]
    return is_well, {"status": OK if is_well else FAILING, **told, "problems": [*why, *cron]}


def _state(part: Mapping[str, Any], since: datetime, now: datetime, every_s: float) -> str:
    if part.get("error"):
        return FAILING
    last = from_text(part["succeeded_at"]) if part.get("succeeded_at") else None
    patience = timedelta(seconds=max(120.0, 4 * every_s))
    if last is None or last < since:
        return STARTING if now - since <= patience else LATE
    return OK if now - last <= patience else LATE
