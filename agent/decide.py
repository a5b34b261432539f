"""One round's decision: from what is wanted and what is there to the table that should be there. Nothing is written here."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from agent import drift as drifts
from agent.desired import Desired
from agent.discovery.lines import Lines
from agent.discovery.settle import Settled, settle, without_asides
from agent.drift import Drift, Policy
from agent.placing import Wanted
from agent.reconcile import Plan, plan, refuse_wipeout
from agent.schedulers.base import Actual, Entry, Known, Scheduler
from agent.state import Inventory
from chalicelib.domain import crontab_marks
from chalicelib.domain.endpoints import Approval, ids_digest
from chalicelib.domain.errors import Stalled

# A mark of somebody's line follows a "#".
_CALL = re.compile(rb"(?<!#) CRONTOPUS:")


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do.

    raw, table: the table as it is and as it should be. lines: our block in it. jobs: all that is wanted. held: why removals
    wait, None if they do not. kept: jobs whose line stays although nothing readable defines them. drift: what others did to
    our lines. notes: what was mended, in words. warnings: what somebody should look at. job_files: ids that had a job file.
    withheld: jobs that get no line yet -> why. absent: discovered jobs
    whose lines have gone.
    """

    raw: bytes
    table: bytes
    lines: tuple[bytes, ...]
    jobs: Mapping[str, Wanted]
    plan: Plan
    held: Stalled | None
    kept: frozenset[str]
    drift: tuple[Drift, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    bare_foreign: str | None
    job_files: Collection[str]
    withheld: Mapping[str, str] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Situation:
    """All a decision rests on. inventory: None if nothing is remembered. job_files: ids that have a job file of ours.

    theirs: what is remembered of lines that are not ours.

    is_rewritten: the commit does not descend from the one applied last. allow_removals: a person has approved them.
    head: the commit. approved: the removals that somebody approved from afar. policy: what becomes of lines that somebody
    else changed.
    """

    desired: Desired
    inventory: Inventory | None
    job_files: Collection[str]
    endpoint_id: str
    is_rewritten: bool = False
    allow_removals: bool = False
    head: str = ""
    approved: Approval | None = None
    theirs: Lines = field(default_factory=Lines)
    policy: Policy = "heal"


def decide(raw: bytes, now: Situation, scheduler: Scheduler) -> Decision:
    """Return what to do about this table."""
    known = known_of(now.inventory, now.endpoint_id)
    if now.policy != "heal":
        known = replace(known, left_outside=_unchanged(now.desired, scheduler, known))
    actual = scheduler.find(raw, known)
    settled = settle(actual.foreign, actual.items, now.desired.jobs, now.theirs, now.endpoint_id)
    kept = _unsure_entries(actual, now)
    former = _former(settled, kept, now)
    actual = replace(actual, foreign=crontab_marks.plain(settled.foreign, former) if former else settled.foreign)
    entries = [*_entries(now.desired, scheduler, settled.withheld), *kept, *(Entry(job_id, None) for job_id in former)]
    owned = {*now.inventory.jobs, *now.job_files} if now.inventory else None
    steps = plan(entries, actual.items, owned)
    drift = drifts.find(steps, known.lines, actual.outside)
    if now.policy != "heal" and (left := drifts.staying(drift, entries)):
        doubled = frozenset(one.job_id for one in left if one.kind == "duplicated")
        steps = plan(drifts.around(entries, left), actual.items, owned, doubled)
        drift = [replace(one, is_left=one in left) for one in drift]
    is_allowed = now.allow_removals or _is_approved(steps, now)
    held = None if is_allowed else _objection(steps, now)
    lines = steps.kept_lines if held else steps.lines
    if settled.asides and not held and not former:
        actual = replace(
            actual, foreign=without_asides(actual.foreign, _gone(settled, kept, replace(now, allow_removals=is_allowed)))
        )
    return Decision(
        raw=raw,
        table=scheduler.compose(actual, lines),
        lines=lines,
        jobs=now.desired.jobs,
        plan=steps,
        held=held,
        kept=frozenset(entry.job_id for entry in kept) | (_ids(steps) if held else frozenset()),
        drift=tuple(drift),
        notes=actual.notes + settled.notes + tuple(_repeat_notes(steps)),
        warnings=settled.warnings + tuple(_warnings(steps, actual, entries)),
        bare_foreign=actual.bare_foreign,
        job_files=now.job_files,
        withheld=settled.withheld,
        absent=settled.absent,
    )


def _former(settled: Settled, kept: Iterable[Entry], now: Situation) -> frozenset[str]:
    """Return the jobs that another endpoint had adopted, which this machine was before: their own lines run them again."""
    if now.inventory is None or now.inventory.endpoint_id == now.endpoint_id:
        return frozenset()
    there = {*now.desired.jobs, *now.desired.elsewhere, *(entry.job_id for entry in kept)}
    return (settled.asides & now.inventory.jobs.keys()) - there


def _gone(settled: Settled, kept: Iterable[Entry], now: Situation) -> frozenset[str]:
    """Return the adopted jobs that the repository, read for certain, does not define any more: their own line goes too."""
    is_empty = all(wanted.job.is_discovered for wanted in now.desired.jobs.values())
    if now.inventory is None or (not now.allow_removals and (now.is_rewritten or is_empty)):
        return frozenset()
    there = {*now.desired.jobs, *now.desired.elsewhere, *(entry.job_id for entry in kept)}
    return (settled.asides & now.inventory.jobs.keys()) - there


def known_of(inventory: Inventory | None, endpoint_id: str) -> Known:
    """Return by what our part of the table is recognized."""
    if inventory is None:
        return Known(frozenset({endpoint_id}))
    return Known(frozenset({endpoint_id, inventory.endpoint_id}), inventory.lines, inventory.bare_foreign)


def _entries(desired: Desired, scheduler: Scheduler, withheld: Collection[str]) -> Iterator[Entry]:
    for job_id, wanted in desired.jobs.items():
        if wanted.job.is_scheduled and job_id not in withheld:
            yield Entry(job_id, scheduler.line(wanted.fields, job_id, is_guarded=wanted.is_guarded, path=wanted.path))
        else:
            yield Entry(job_id, None)
    for job_id in desired.elsewhere:
        yield Entry(job_id, None)


def _unchanged(desired: Desired, scheduler: Scheduler, known: Known) -> frozenset[str]:
    """Return the jobs of which the repository wants the very line that we wrote."""
    wanted = _entries(desired, scheduler, ())
    return frozenset(entry.job_id for entry in wanted if entry.line and known.lines.get(entry.job_id) == entry.line)


def _unsure_entries(actual: Actual, now: Situation) -> list[Entry]:
    """Return the lines of jobs that a manifest nobody can read may still define: as we wrote them, else as they stand."""
    jobs = now.inventory.jobs if now.inventory else {}
    by_path = {job_id for job_id, placed in jobs.items() if placed.path in now.desired.unsure_paths}
    unsure = (by_path | now.desired.unsure_ids) - now.desired.jobs.keys() - now.desired.elsewhere
    lines = {item.job_id: item.line for item in reversed(actual.items) if item.job_id in unsure}
    lines |= {job_id: line for job_id, line in (now.inventory.lines if now.inventory else {}).items() if job_id in unsure}
    return [Entry(job_id, line) for job_id, line in lines.items() if job_id]


def _objection(steps: Plan, now: Situation) -> Stalled | None:
    if not steps.removals:
        return None
    # What other programs put into the table says nothing about whether the repository is whole.
    steps = replace(steps, desired=steps.desired - sum(wanted.job.is_discovered for wanted in now.desired.jobs.values()))
    try:
        refuse_wipeout(steps, steps.owned, is_rewritten=now.is_rewritten)
    except Stalled as objection:
        return objection
    return None


def _is_approved(steps: Plan, now: Situation) -> bool:
    """Tell whether somebody approved these very removals: by this commit, of these jobs, no more and no fewer."""
    return now.approved is not None and now.approved == Approval(now.head, ids_digest(_ids(steps)))


def _ids(steps: Plan) -> frozenset[str]:
    return frozenset(item.job_id for item in steps.removals if item.job_id)


def _warnings(steps: Plan, actual: Actual, entries: Iterable[Entry]) -> Iterator[str]:
    if steps.foreign:
        yield f"lines in our block that are not ours: {len(steps.foreign)}; they are left alone"
    if _CALL.search(actual.foreign):
        calls = {_call(entry.line) for entry in entries if entry.line and entry.job_id not in actual.outside}
        copies = sum(_call(line) in calls for line in actual.foreign.splitlines())
        if copies:
            yield f"lines outside our block that run our jobs: {copies}; these jobs run once more than their manifests say"


def _call(line: bytes) -> tuple[bytes, ...]:
    """Return what a line runs, whether it asks for the guard or not."""
    return tuple(word for word in line.split() if word != b"--guard")[-2:]


def _repeat_notes(steps: Plan) -> Iterator[str]:
    if steps.repeats:
        yield f"{len(steps.repeats)} lines of jobs that stood twice were taken out"
