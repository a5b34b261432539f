"""What a round has to report."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from agent.decide import Decision
from agent.desired import Desired
from agent.drift import Drift
from agent.instances import Note, Told, tell
from agent.orders import Suspension
from agent.state import Inventory
from chalicelib.domain.errors import Stalled
from chalicelib.domain.times import to_text

_HELD = "its removal waits for somebody to approve it"
_ABSENT = "its line is in no table of this machine any more"
_SUSPENDED = "its %s waits, the agent is suspended"


@dataclass(frozen=True, slots=True)
class Report:
    """What a round found and did.

    head: the commit looked at. applied: the one applied in full. managed: jobs that have a line. discovered: others' lines that
    are jobs here. elsewhere: jobs that are not for this machine. parsed: manifests read.
    pending: steps that a suspended round did not take. suspension: why it took none.
    held: why removals wait. held_ids: of which jobs. drift: ids of jobs whose lines somebody had changed, until now.
    left: what others did to our lines and stays like that. told: how each job stands now.
    """

    at: datetime
    head: str
    applied: str | None
    managed: int
    paused: int = 0
    discovered: int = 0
    elsewhere: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    parsed: int = 0
    is_written: bool = False
    pending: int = 0
    suspension: Suspension | None = None
    held: Stalled | None = None
    held_ids: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    left: tuple[Drift, ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    told: tuple[Told, ...] = ()


def report_of(
    decision: Decision,
    desired: Desired,
    inventory: Inventory,
    head: str,
    at: datetime,
    suspension: Suspension | None = None,
) -> Report:
    """Return what there is to report once a decision was carried out, or was not because of a suspension.

    inventory: as it is since then.
    """
    told = tell(desired, inventory, _notes(decision, at, suspension))
    held_ids = tuple(item.job_id for item in decision.plan.removals if item.job_id) if decision.held else ()
    discovered = sum(one.source == "discovered" for one in told)
    report = Report(
        at=at,
        head=head,
        applied=inventory.commit,
        managed=len(inventory.lines),
        paused=len(inventory.jobs) - len(inventory.lines) - discovered,
        discovered=discovered,
        elsewhere=len(desired.elsewhere),
        held=decision.held,
        held_ids=held_ids,
        drift=tuple(dict.fromkeys(one.job_id for one in decision.drift if not one.is_left)),
        left=tuple(one for one in decision.drift if one.is_left),
        problems=desired.problems + tuple(_withheld(decision)),
        warnings=desired.warnings + decision.warnings,
        notes=decision.notes,
        suspension=suspension,
        told=told,
    )
    return replace(report, pending=sum(_counts(decision))) if suspension else _done(report, decision)


def _done(report: Report, decision: Decision) -> Report:
    added, changed, removed = _counts(decision)
    is_written = decision.table != decision.raw
    return replace(report, added=added, changed=changed, removed=removed, is_written=is_written)


def _counts(decision: Decision) -> tuple[int, int, int]:
    """Return how many jobs are added, changed and removed by this decision."""
    steps = decision.plan
    return len(steps.adds), len(steps.changes), len(steps.pauses) + (0 if decision.held else len(steps.removals))


def _notes(decision: Decision, at: datetime, suspension: Suspension | None) -> dict[str, Note]:
    steps = decision.plan
    notes = {
        one.job_id: Note(one.words) if one.is_left else Note(f"{one.words}; mended {to_text(at)}", is_drift=False)
        for one in decision.drift
    }
    if decision.held:
        notes |= {item.job_id: Note(_HELD) for item in steps.removals if item.job_id}
    notes |= {job_id: Note(why) for job_id, why in decision.withheld.items()}
    notes |= {job_id: Note(_ABSENT) for job_id in decision.absent}
    if suspension:
        notes |= {entry.job_id: Note(_SUSPENDED % "line") for entry in steps.adds}
        notes |= {change.job_id: Note(_SUSPENDED % "change") for change in steps.changes}
        gone = (*steps.pauses, *(() if decision.held else steps.removals))
        notes |= {item.job_id: Note(_SUSPENDED % "removal") for item in gone if item.job_id}
    return notes


def _withheld(decision: Decision) -> Iterator[str]:
    for job_id, why in decision.withheld.items():
        yield f"{decision.jobs[job_id].path}: {why}"


def repeated(report: Report) -> Report:
    """Return what a round that finds all as this one left it has to report."""
    return replace(report, added=0, changed=0, removed=0, parsed=0, is_written=False, drift=(), notes=())
