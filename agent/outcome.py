"""What a round has to report."""

from dataclasses import dataclass, replace
from datetime import datetime

from agent.decide import Decision
from agent.desired import Desired
from agent.instances import Told, tell
from agent.state import Inventory
from chalicelib.domain.errors import Stalled


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


def report_of(decision: Decision, desired: Desired, inventory: Inventory, head: str, at: datetime) -> Report:
    """Return what there is to report once a decision was carried out. inventory: as it is since then."""
    steps = decision.plan
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


def repeated(report: Report) -> Report:
    """Return what a round that finds all as this one left it has to report."""
    return replace(report, added=0, changed=0, removed=0, parsed=0, is_written=False, drift=(), notes=())
