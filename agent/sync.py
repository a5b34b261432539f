"""One round: look at the branch, look at the table, make the table what the branch says."""

import difflib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from agent.apply import JobFiles, apply
from agent.decide import Decision, Situation, decide, known_of
from agent.desired import Desired, Record, refresh, resolve
from agent.gitsync import GitSource, Snapshot
from agent.here import Here
from agent.home import Home, locked
from agent.instances import Told, tell
from agent.reconcile import Plan, plan
from agent.records import RecordStore
from agent.schedulers.base import Scheduler
from agent.state import Inventory, load_inventory, save_inventory
from chalicelib.domain.errors import Stalled, Unavailable

log = logging.getLogger(__name__)

ROUND_WAIT_S = 90
TRIES = 3


@dataclass(frozen=True, slots=True)
class Report:
    """What a round found and did.

    head: the commit looked at. applied: the one applied in full. managed: jobs that have a line. elsewhere: jobs that are not
    for this machine. parsed: manifests read.
    held: why removals wait. held_ids: of which jobs. drift: ids of jobs whose lines somebody had changed.
    told: how each job stands now.
    """

    at: datetime
    head: str
    applied: str | None
    managed: int
    paused: int = 0
    elsewhere: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    parsed: int = 0
    is_written: bool = False
    held: Stalled | None = None
    held_ids: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    told: tuple[Told, ...] = ()


@dataclass(slots=True)
class _Memory:
    """What the process keeps between rounds. It is dropped when another process has changed the files behind it."""

    stamp: tuple[object, ...] = ()
    inventory: Inventory | None = None
    records: dict[str, Record] = field(default_factory=dict)
    head: str | None = None
    here: Here | None = None
    desired: Desired = field(default_factory=Desired)
    is_rewritten: bool = False
    settled: tuple[str, tuple[int, int] | None, bytes] | None = None
    report: Report | None = None


class Sync:
    """Rounds over one repository and one scheduler.

    edition: of the rules by which manifests are read. here: tells, anew for each round, what decides which jobs are ours.
    """

    def __init__(
        self,
        home: Home,
        *,
        endpoint_id: str,
        tenant_id: str | None,
        source: GitSource,
        scheduler: Scheduler,
        edition: str,
        now: Callable[[], datetime],
        here: Callable[[], Here] = Here,
    ) -> None:
        self.home = home
        self.endpoint_id = endpoint_id
        self.tenant_id = tenant_id
        self.source = source
        self.scheduler = scheduler
        self.now = now
        self.here = here
        self.files = JobFiles(home)
        self.store = RecordStore(home.manifests, source.url, edition)
        self._memory = _Memory()

    def round(self, *, allow_removals: bool = False) -> Report:
        """Make the table what the branch says and return what was done.

        allow_removals: a person approves the removals that would be held. Raise Unavailable or Stalled with nothing changed.
        """
        with locked(self.home.round_lock, wait_s=ROUND_WAIT_S):
            head = self.source.head()
            self._recall()
            self._look_around()
            if self._memory.report and not allow_removals and self._is_settled(head):
                return replace(self._memory.report, at=self.now())
            parsed = self._look(head, is_kept=True)
            with self.scheduler.held():
                report = replace(self._converge(head, allow_removals=allow_removals), parsed=parsed)
            self._memory.report = _repeated(report)
            return report

    def preview(self) -> tuple[Decision, str]:
        """Return what a round would do now, and the change of the table as a diff. Only our copy of the branch is updated."""
        with locked(self.home.round_lock, wait_s=ROUND_WAIT_S):
            head = self.source.head()
            self._recall()
            self._look_around()
            self._look(head, is_kept=False)
            decision = self._decide(allow_removals=False)
            self._memory = _Memory()
            return decision, diff(decision.raw, decision.table)

    def _recall(self) -> None:
        """Read inventory and records again if they are not what this process left there."""
        stamp = _stamp(self.home.inventory), _stamp(self.home.manifests)
        if stamp != self._memory.stamp or self._memory.head is None:
            self._memory = _Memory(stamp, load_inventory(self.home.inventory), self.store.load())

    def _look_around(self) -> None:
        """Judge the jobs anew if something about this machine has changed."""
        here = self.here()
        if here != self._memory.here:
            self._memory.here, self._memory.settled = here, None
            self._resolve()

    def _is_settled(self, head: str) -> bool:
        """Tell whether all is byte for byte as the last round left it, so that there is nothing to decide."""
        if self._memory.settled is None:
            return False
        settled_head, stamp, table = self._memory.settled
        is_same = settled_head == head and stamp is not None and stamp == self.files.stamp()
        return is_same and table == self.scheduler.raw()

    def _look(self, head: str, *, is_kept: bool) -> int:
        """Bring what is wanted up to this commit; returns how many manifests had to be read."""
        memory = self._memory
        if head == memory.head:
            return 0
        applied = memory.inventory.commit if memory.inventory else None
        reads = 0

        def look(snapshot: Snapshot) -> tuple[dict[str, Record], bool]:
            nonlocal reads
            reads = 0

            def read(sha: str) -> bytes:
                nonlocal reads
                reads += 1
                return snapshot.read(sha)

            records = refresh(memory.records, snapshot.files(), read)
            return records, applied is not None and not snapshot.descends_from(applied)

        records, memory.is_rewritten = self.source.visit(head, look)
        if is_kept and records != memory.records:
            self.store.save(records)
        memory.records = records
        memory.head = head
        self._resolve()
        return reads

    def _resolve(self) -> None:
        memory = self._memory
        jobs = memory.inventory.jobs if memory.inventory else {}
        owners = {job_id: placed.path for job_id, placed in jobs.items()}
        installed = memory.inventory.lines if memory.inventory else {}
        memory.desired = resolve(memory.records, owners, self.tenant_id, memory.here, installed)

    def _converge(self, head: str, *, allow_removals: bool) -> Report:
        for left in reversed(range(TRIES)):
            decision = self._decide(allow_removals=allow_removals)
            try:
                return self._carry_out(decision, head)
            except Unavailable as e:
                if e.code != "table_changed" or not left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _decide(self, *, allow_removals: bool) -> Decision:
        memory = self._memory
        situation = Situation(
            desired=memory.desired,
            inventory=memory.inventory,
            job_files=self.files.present(),
            endpoint_id=self.endpoint_id,
            is_rewritten=memory.is_rewritten,
            allow_removals=allow_removals,
        )
        return decide(self.scheduler.raw(), situation, self.scheduler)

    def _carry_out(self, decision: Decision, head: str) -> Report:
        memory = self._memory
        before = memory.inventory or Inventory(self.endpoint_id)
        memory.inventory = apply(decision, head, before, self.endpoint_id, self.scheduler, self.files)
        if not decision.held:
            memory.is_rewritten = False
        memory.stamp = _stamp(self.home.inventory), _stamp(self.home.manifests)
        memory.settled = head, self.files.stamp(), decision.table
        _log(decision, head)
        return self._report(decision, head, memory.inventory)

    def _report(self, decision: Decision, head: str, inventory: Inventory) -> Report:
        desired = self._memory.desired
        steps = decision.plan
        at = self.now()
        held_ids = tuple(item.job_id for item in steps.removals if item.job_id) if decision.held else ()
        return Report(
            at=at,
            head=head,
            applied=inventory.commit,
            managed=len(inventory.lines),
            paused=len(inventory.jobs) - len(inventory.lines),
            elsewhere=len(desired.elsewhere),
            added=len(steps.adds),
            changed=len(steps.changes),
            removed=len(steps.pauses) + (0 if decision.held else len(steps.removals)),
            is_written=decision.table != decision.raw,
            held=decision.held,
            held_ids=held_ids,
            drift=decision.drift,
            problems=desired.problems,
            warnings=desired.warnings + decision.warnings,
            notes=decision.notes,
            told=tell(desired, inventory, held_ids, decision.drift, at),
        )


def uninstall(home: Home, scheduler: Scheduler, endpoint_id: str) -> Path | None:
    """Take our block out of the table and return where the table was saved, None if there was nothing of ours in it."""
    with locked(home.round_lock, wait_s=ROUND_WAIT_S), scheduler.held():
        inventory = load_inventory(home.inventory)
        raw = scheduler.raw()
        actual = scheduler.find(raw, known_of(inventory, endpoint_id))
        files = JobFiles(home)
        steps = plan((), actual.items, {*inventory.jobs, *files.present()} if inventory else None)
        # Lines in our block that are not ours are somebody's: they stay, after the foreign ones.
        rest = actual.foreign + b"".join(line + b"\n" for line in steps.foreign)
        table = scheduler.compose(replace(actual, foreign=rest), ())
        saved = scheduler.replace(raw, table) if table != raw else None
        save_inventory(home.inventory, Inventory(endpoint_id))
        files.remove(files.present())
        return saved


def diff(before: bytes, after: bytes) -> str:
    """Return the change as a unified diff, empty if there is none. What a terminal would obey is shown escaped."""
    old, new = (_shown(text).split("\n") for text in (before, after))
    return "\n".join(difflib.unified_diff(old, new, "crontab now", "crontab then", lineterm="", n=1))


def _shown(text: bytes) -> str:
    decoded = text.decode(errors="backslashreplace")
    return "".join(sign if sign.isprintable() or sign in "\n\t" else repr(sign)[1:-1] for sign in decoded)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _repeated(report: Report) -> Report:
    """Return what a round that finds all as this one left it has to report."""
    return replace(report, added=0, changed=0, removed=0, parsed=0, is_written=False, drift=(), notes=())


def _log(decision: Decision, head: str) -> None:
    steps: Plan = decision.plan
    if not steps.is_empty or decision.table != decision.raw or decision.held:
        counts = {"added": len(steps.adds), "changed": len(steps.changes), "removed": len(steps.removals)}
        log.info("round", extra={"commit": head, **counts, "held": str(decision.held or ""), "drift": len(decision.drift)})
    for note in decision.notes:
        log.warning("the table needed mending", extra={"note": note})
