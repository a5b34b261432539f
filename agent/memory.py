"""What the process keeps between rounds, so that a round over unchanged things has nothing to do."""

from dataclasses import dataclass, field
from pathlib import Path

from agent.desired import Desired, Record, resolve
from agent.here import Here
from agent.home import Home
from agent.orders import Orders
from agent.outcome import Report
from agent.state import Inventory


@dataclass(slots=True)
class Memory:
    """It is dropped when another process has changed the files behind it.

    stamp: of those files, as this process left them. head: the commit that records and desired are of.
    settled: commit, stamp of the job files and table after the last round.
    """

    stamp: tuple[object, ...] = ()
    inventory: Inventory | None = None
    records: dict[str, Record] = field(default_factory=dict)
    head: str | None = None
    here: Here | None = None
    orders: Orders = field(default_factory=Orders)
    desired: Desired = field(default_factory=Desired)
    is_rewritten: bool = False
    settled: tuple[str, tuple[int, int] | None, bytes] | None = None
    report: Report | None = None

    def resolve(self, tenant_id: str | None) -> None:
        """Judge anew which jobs are wanted here."""
        jobs = self.inventory.jobs if self.inventory else {}
        owners = {job_id: placed.path for job_id, placed in jobs.items()}
        installed = self.inventory.lines if self.inventory else {}
        self.desired = resolve(self.records, owners, tenant_id, self.here, installed)


def stamp_of(home: Home) -> tuple[object, ...]:
    """Return what changes whenever somebody replaces the files that the memory was read from."""
    return _stamp(home.inventory), _stamp(home.manifests)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns
