"""What is told of drift: each finding is an event in a file of its own until the control plane has taken it.

A file is written before the table is, so that a crash loses none; the same finding twice is one file, so that it doubles none.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.drift import Drift, Policy
from agent.home import make_private, read_json, write_file
from agent.state import Inventory
from chalicelib.domain.errors import Invalid, Malformed
from chalicelib.domain.ids import uuid4_from
from chalicelib.domain.times import to_text

log = logging.getLogger(__name__)

MAX_KEPT = 500
MAX_SENT = 20
MAX_LINE = 1000
Send = Callable[[Mapping[str, object]], Mapping[str, Any]]


def note(folder: Path, found: list[Drift], inventory: Inventory, policy: Policy, now: datetime) -> None:
    """Write down what was found and is not known yet. inventory: as it was before this round."""
    known = {job_id: placed.drift.split("\n") for job_id, placed in inventory.jobs.items() if placed.drift}
    new = [one for one in found if one.key not in known.get(one.job_id, ())]
    if not new:
        return
    make_private(folder)
    room = MAX_KEPT - sum(1 for _ in folder.glob("*.json"))
    for one in new:
        path = folder / f"{_digest(one.job_id, one.key, one.before.decode(errors='replace'))[:32]}.json"
        event = _event(one, inventory, policy, now)
        log.warning("drift", extra={key: event[key] for key in ("job_id", "kind", "before", "after", "done")})
        if not path.exists() and room > 0:
            room -= 1
            write_file(path, json.dumps(event).encode())


def _event(one: Drift, inventory: Inventory, policy: Policy, now: datetime) -> dict[str, Any]:
    placed = inventory.jobs.get(one.job_id)
    is_adoptable = one.is_left and policy == "adopt" and (one.schedule is not None or one.is_pause)
    at = to_text(now)
    return {
        "event_id": uuid4_from(bytes.fromhex(_digest(one.job_id, one.key, inventory.endpoint_id, at))[:16]),
        "job_id": one.job_id,
        "path": placed.path if placed else "",
        "kind": one.kind,
        "before": _text(one.before),
        "after": None if one.after is None else _text(one.after),
        "at": at,
        "done": "adopt" if is_adoptable else "left" if one.is_left else "healed",
        "schedule": one.schedule if is_adoptable else None,
    }


def send_once(folder: Path, send: Send) -> int:
    """Tell the oldest events and return how many; what was taken is forgotten. Raise as `send` does.

    What the control plane can make nothing of is logged and forgotten too: it would stand in the way of all others.
    """
    files = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)[:MAX_SENT]
    events = {path: event for path in files if isinstance(event := read_json(path), dict)}
    if events:
        try:
            _log_results(send({"events": list(events.values())}))
        except (Invalid, Malformed) as e:
            log.error("drift is not understood", extra={"why": e.message, "problems": e.problems, "events": [*events.values()]})
    for path in files:
        path.unlink(missing_ok=True)
    return len(events)


def _log_results(answer: Mapping[str, Any]) -> None:
    for result in answer.get("results") or ():
        if isinstance(result, dict) and result.get("why"):
            log.info("drift was recorded, not adopted", extra={"event_id": result.get("event_id"), "why": result["why"]})


def _text(line: bytes) -> str:
    return line.decode(errors="backslashreplace")[:MAX_LINE]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()
