"""What a round would do, in steps that each say why."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from agent.apply import outdated
from agent.decide import Decision
from agent.drift import Drift
from agent.orders import Suspension
from agent.state import Inventory
from agent.tablediff import diff

Action = Literal["add", "change", "remove", "update", "hold", "leave"]


@dataclass(frozen=True, slots=True)
class Step:
    """One job. action: update touches what run-job reads and not the line; hold and leave do nothing. before, after: lines."""

    action: Action
    job_id: str
    job: str
    reason: str
    before: bytes | None = None
    after: bytes | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """inventory: what is remembered. head: the commit looked at. suspension: why nothing of it will be done for now."""

    decision: Decision
    inventory: Inventory
    head: str
    suspension: Suspension | None = None
    diff: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "diff", diff(self.decision.raw, self.decision.table))

    @property
    def is_different(self) -> bool:
        """Whether anything is not as the repository says, be it that it waits for somebody."""
        return bool(self.diff or self.decision.held or any(True for _ in self.steps()))

    def steps(self) -> Iterator[Step]:
        """Yield what would happen to each job to which anything would."""
        plan = self.decision.plan
        for entry in plan.adds:
            yield self._step("add", entry.job_id, self._why_add(entry.job_id), after=entry.line)
        for change in plan.changes:
            yield self._step("change", change.job_id, self._why_change(change.job_id), change.old, change.new)
        for item in plan.pauses:
            yield self._step("remove", item.job_id, self._why_pause(item.job_id), item.line)
        for item in plan.repeats:
            yield self._step("remove", item.job_id, "its line stands twice", item.line)
        held = self.decision.held
        for item in plan.removals:
            why = held.message if held else "no manifest defines it any more"
            yield self._step("hold" if held else "remove", item.job_id, why, item.line)
        yield from self._quiet_steps()

    def _quiet_steps(self) -> Iterator[Step]:
        """Yield what leaves the table alone."""
        plan = self.decision.plan
        told = {entry.job_id for entry in plan.adds} | {change.job_id for change in plan.changes}
        for job_id, _ in outdated(self.decision, self.inventory):
            if job_id not in told:
                yield self._step("update", job_id, "its manifest changed, its line does not")
        for one in self.decision.drift:
            if one.is_left:
                yield self._step("leave", one.job_id, one.words, one.before, one.after)

    def _step(
        self, action: Action, job_id: str | None, reason: str, before: bytes | None = None, after: bytes | None = None
    ) -> Step:
        wanted = self.decision.jobs.get(job_id or "")
        placed = self.inventory.jobs.get(job_id or "")
        name = wanted.job.reference if wanted else placed.path.rpartition(".")[0] if placed and placed.path else ""
        return Step(action, job_id or "", name, reason, before, after)

    def _drift_of(self, job_id: str) -> Drift | None:
        return next((one for one in self.decision.drift if one.job_id == job_id), None)

    def _why_add(self, job_id: str) -> str:
        if one := self._drift_of(job_id):
            return one.words
        return "it was paused" if job_id in self.inventory.jobs else "it is new here"

    def _why_change(self, job_id: str) -> str:
        one = self._drift_of(job_id)
        return one.words if one else "its schedule changed"

    def _why_pause(self, job_id: str | None) -> str:
        wanted = self.decision.jobs.get(job_id or "")
        if wanted is None:
            return "it is not meant for this machine"
        if why := self.decision.withheld.get(job_id or ""):
            return why
        return "its manifest pauses it" if wanted.job.paused else "its manifest disables it"
