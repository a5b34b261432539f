"""Putting back a table that was saved before it was replaced."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from agent import orders
from agent.decide import known_of
from agent.home import ROUND_WAIT_S, Home, locked
from agent.schedulers.base import Scheduler
from agent.state import Placed, load_inventory, save_inventory
from chalicelib.domain.errors import NotFound, Stalled

_NAMES = ("crontab.*Z.*", "tasks.*Z.*")
_MARK_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A saved table. taken_at: when it was replaced by another."""

    path: Path
    taken_at: datetime
    size_bytes: int

    @property
    def name(self) -> str:
        return self.path.name


def snapshots(home: Home) -> list[Snapshot]:
    """Return the tables that were saved, the newest first."""
    found = [path for pattern in _NAMES for path in home.backups.glob(pattern)]
    taken = [(path, at) for path in found if (at := _moment(path.name))]
    return [Snapshot(path, at, path.stat().st_size) for path, at in sorted(taken, key=lambda one: one[1], reverse=True)]


def pick(home: Home, wanted: str) -> Snapshot:
    """Return the snapshot of this name, or with this beginning or end; `latest` is the newest. Raise NotFound."""
    known = snapshots(home)
    found = (
        known[:1] if wanted == "latest" else [one for one in known if one.name.startswith(wanted) or one.name.endswith(wanted)]
    )
    if len(found) == 1 and wanted:
        return found[0]
    what = f"several snapshots are called {wanted!r}" if len(found) > 1 else f"there is no snapshot {wanted!r}"
    raise NotFound(f"{what}; see `crontopus-agent restore --list`")


def read(snapshot: Snapshot) -> bytes:
    """Return the saved table. Raise Stalled unless it is, byte for byte, what was saved."""
    content = snapshot.path.read_bytes()
    if hashlib.sha256(content).hexdigest()[:_MARK_LENGTH] != snapshot.name[-_MARK_LENGTH:]:
        raise Stalled(f"{snapshot.path} is not what was saved: its checksum differs", code="snapshot_damaged")
    return content


def put_back(home: Home, scheduler: Scheduler, shown: bytes, table: bytes, now: datetime) -> Path:
    """Replace the table that was shown by this one and return where it was saved.

    Rounds are suspended first: the next one would undo it. Raise Unavailable, and leave all as it was, if the table is
    another than was shown by now.
    """
    with locked(home.round_lock, wait_s=ROUND_WAIT_S), scheduler.held():
        was_suspended = home.suspended.exists()
        orders.suspend(home, None, now)
        try:
            _claim(home, scheduler, table)
            return scheduler.replace(shown, table)
        except Exception:
            # Only a death in between leaves it suspended, which does no harm.
            if not was_suspended:
                orders.resume(home, now)
            raise


def _claim(home: Home, scheduler: Scheduler, table: bytes) -> None:
    """Remember the lines of our block in this table as ours: later rounds then remove what nothing defines any more."""
    inventory = load_inventory(home.inventory)
    if inventory is None:
        return  # then every marked line in our block counts as ours anyway
    items = scheduler.find(table, known_of(inventory, inventory.endpoint_id)).items
    unknown = {item.job_id: item.line for item in items if item.job_id and item.job_id not in inventory.jobs}
    if unknown:
        placed = {job_id: Placed("", "", line.decode(errors="surrogateescape")) for job_id, line in unknown.items()}
        save_inventory(home.inventory, replace(inventory, jobs={**inventory.jobs, **placed}))


def _moment(name: str) -> datetime | None:
    try:
        return datetime.strptime(name.split(".", 1)[1].rpartition(".")[0], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    except (ValueError, IndexError):
        return None
