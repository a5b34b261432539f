"""What people want of this agent besides what the repository says: carry out removals that are held, or write nothing.

Orders of the control plane ride on the answer to a heartbeat and are kept in D/orders.json, so that they hold without network
and across a restart. A suspension made on the machine itself is D/suspended.json; nobody but the machine ends it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from agent.home import Home, read_json, write_file
from chalicelib.domain.endpoints import Approval
from chalicelib.domain.times import from_text, to_text


@dataclass(frozen=True, slots=True)
class Suspension:
    """until: None without an end. by: who ends it."""

    since: datetime
    until: datetime | None
    by: Literal["machine", "control plane"]

    def holds(self, now: datetime) -> bool:
        return self.until is None or now < self.until

    @property
    def words(self) -> str:
        end = f" until {to_text(self.until)}" if self.until else ""
        return f"suspended since {to_text(self.since)}{end} by the {self.by}; nothing is written"


@dataclass(frozen=True, slots=True)
class Orders:
    """approved: the removals that may be carried out, of one commit and one set of jobs."""

    approved: Approval | None = None
    suspension: Suspension | None = None


def load(home: Home, endpoint_id: str, now: datetime) -> Orders:
    """Return what holds now. The machine's own suspension comes first; orders to another endpoint are none."""
    told = read_json(home.orders)
    orders = _read(told.get("orders")) if isinstance(told, dict) and told.get("endpoint_id") == endpoint_id else Orders()
    own = _own(home)
    found = [one for one in (own, orders.suspension) if one and one.holds(now)]
    return Orders(orders.approved, found[0] if found else None)


def hear(home: Home, endpoint_id: str, told: object) -> None:
    """Keep what the answer to a heartbeat orders; nothing is written where nothing is ordered, or nothing new.

    told: None from a control plane that gives no orders; then what was kept stays.
    """
    if not isinstance(told, dict):
        return
    document = {"endpoint_id": endpoint_id, "orders": told}
    known = read_json(home.orders)
    if document != known and (known is not None or any(told.values())):
        write_file(home.orders, json.dumps(document).encode())


def suspend(home: Home, until: datetime | None, now: datetime) -> Suspension:
    """Let rounds write nothing from now on, on this machine's own account. One that holds already keeps its beginning."""
    before = _own(home)
    since = before.since if before and before.holds(now) else now
    document = {"since": to_text(since), "until": to_text(until) if until else None}
    write_file(home.suspended, json.dumps(document).encode())
    return Suspension(since, until, "machine")


def resume(home: Home, now: datetime) -> bool:
    """End the machine's own suspension; tells whether there was one."""
    before = _own(home)
    home.suspended.unlink(missing_ok=True)
    return before is not None and before.holds(now)


def _own(home: Home) -> Suspension | None:
    told = read_json(home.suspended)
    if isinstance(told, dict) and (found := _suspension(told.get("since"), told.get("until"), "machine")):
        return found
    # Somebody wanted the agent to hold still. What cannot be read any more has no end.
    return Suspension(_made_at(home.suspended), None, "machine") if home.suspended.exists() else None


def _made_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _read(told: object) -> Orders:
    if not isinstance(told, Mapping):
        return Orders()
    suspension = _suspension(told.get("suspended_since"), told.get("suspended_until"), "control plane")
    return Orders(_approval(told.get("approved")), suspension)


def _approval(told: Any) -> Approval | None:
    if isinstance(told, Mapping) and isinstance(told.get("head"), str) and isinstance(told.get("digest"), str):
        return Approval(told["head"], told["digest"])
    return None


def _suspension(since: Any, until: Any, by: Literal["machine", "control plane"]) -> Suspension | None:
    try:
        return Suspension(from_text(since), from_text(until) if until else None, by)
    except (TypeError, ValueError):
        return None
