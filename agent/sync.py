"""One round: look at the branch, look at the table, make the table what the branch says."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from agent import driftlog
from agent.apply import JobFiles, apply
from agent.decide import Decision, Situation, decide
from agent.desired import Record, refresh
from agent.discovery.lines import Lines
from agent.drift import Policy
from agent.gitsync import GitSource, Snapshot
from agent.here import Here
from agent.home import ROUND_WAIT_S, Home, locked
from agent.memory import Memory, stamp_of
from agent.orders import Orders
from agent.outcome import Report, repeated, report_of
from agent.preview import Preview
from agent.reconcile import Plan
from agent.records import RecordStore
from agent.schedulers.base import Scheduler
from agent.state import Inventory, load_inventory
from chalicelib.domain.errors import Unavailable

log = logging.getLogger(__name__)

TRIES = 3


class Sync:
    """Rounds over one repository and one scheduler.

    edition: of the rules by which manifests are read. here: tells, anew for each round, what decides which jobs are ours.
    orders: tells what people want beside that. policy: what becomes of lines that somebody else changed.
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
        orders: Callable[[], Orders] = Orders,
        policy: Policy = "heal",
    ) -> None:
        self.home = home
        self.endpoint_id = endpoint_id
        self.tenant_id = tenant_id
        self.source = source
        self.scheduler = scheduler
        self.now = now
        self.here = here
        self.orders = orders
        self.policy = policy
        self.files = JobFiles(home)
        self.store = RecordStore(home.manifests, source.url, edition)
        self._memory = Memory()

    def round(self, *, allow_removals: bool = False) -> Report:
        """Make the table what the branch says and return what was done.

        allow_removals: a person approves the removals that would be held. Raise Unavailable or Stalled with nothing changed.
        While suspended, the report says what would be done, and nothing is.
        """
        with locked(self.home.round_lock, wait_s=ROUND_WAIT_S):
            head = self.source.head()
            self._recall()
            self._look_around()
            if self._memory.report and not allow_removals and self._is_settled(head):
                return replace(self._memory.report, at=self.now())
            parsed = self._look(head, is_kept=True)
            if self._memory.orders.suspension:
                report = self._only_decide(head)
            else:
                with self.scheduler.held():
                    report = self._converge(head, allow_removals=allow_removals)
            self._memory.report = repeated(report)
            return replace(report, parsed=parsed)

    def preview(self) -> Preview:
        """Return what a round would do now. Only our copy of the branch is updated."""
        with locked(self.home.round_lock, wait_s=ROUND_WAIT_S):
            head = self.source.head()
            self._recall()
            self._look_around()
            self._look(head, is_kept=False)
            memory, decision = self._memory, self._decide(allow_removals=False)
            self._memory = Memory()
            inventory = memory.inventory or Inventory(self.endpoint_id)
            return Preview(decision, inventory, head, memory.orders.suspension)

    def _recall(self) -> None:
        """Read inventory and records again if they are not what this process left there."""
        stamp = stamp_of(self.home)
        if stamp != self._memory.stamp or self._memory.head is None:
            self._memory = Memory(stamp, load_inventory(self.home.inventory), self.store.load())

    def _look_around(self) -> None:
        """Judge the jobs anew if something about this machine has changed, and decide anew if people want something else."""
        here = self.here()
        if here != self._memory.here:
            self._memory.here, self._memory.settled = here, None
            self._memory.resolve(self.tenant_id)
        orders = self.orders()
        if orders != self._memory.orders:
            self._memory.orders, self._memory.settled = orders, None

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
        self._memory.resolve(self.tenant_id)
        return reads

    def _only_decide(self, head: str) -> Report:
        """Return what a round would do if it were not suspended."""
        memory = self._memory
        decision = self._decide(allow_removals=False)
        memory.stamp = stamp_of(self.home)
        memory.settled = head, self.files.stamp(), decision.raw
        inventory = memory.inventory or Inventory(self.endpoint_id)
        return report_of(decision, memory.desired, inventory, head, self.now(), memory.orders.suspension)

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
        raw = self.scheduler.raw()
        around = self.scheduler.around()
        if around.keep is not None and memory.here is not None and around.keep is not memory.here.keep:
            self._look_around()
        situation = Situation(
            desired=memory.desired,
            inventory=memory.inventory,
            job_files=self.files.present(),
            endpoint_id=self.endpoint_id,
            is_rewritten=memory.is_rewritten,
            allow_removals=allow_removals,
            head=memory.head or "",
            approved=memory.orders.approved,
            theirs=memory.here.theirs if memory.here else Lines(),
            policy=self.policy,
        )
        decision = decide(raw, situation, self.scheduler)
        return replace(decision, warnings=decision.warnings + around.warnings) if decision.lines else decision

    def _carry_out(self, decision: Decision, head: str) -> Report:
        memory = self._memory
        before = memory.inventory or Inventory(self.endpoint_id)
        driftlog.note(self.home.drift, list(decision.drift), before, self.policy, self.now())
        memory.inventory = apply(decision, head, before, self.endpoint_id, self.scheduler, self.files)
        if not decision.held:
            memory.is_rewritten = False
        memory.stamp = stamp_of(self.home)
        memory.settled = head, self.files.stamp(), decision.table
        _log(decision, head)
        return report_of(decision, memory.desired, memory.inventory, head, self.now())


def _log(decision: Decision, head: str) -> None:
    steps: Plan = decision.plan
    if not steps.is_empty or decision.table != decision.raw or decision.held:
        counts = {"added": len(steps.adds), "changed": len(steps.changes), "removed": len(steps.removals)}
        log.info("round", extra={"commit": head, **counts, "held": str(decision.held or ""), "drift": len(decision.drift)})
    for note in decision.notes:
        log.warning("the table needed mending", extra={"note": note})
