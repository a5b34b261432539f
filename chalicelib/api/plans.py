"""The route that says what a change would do before anybody makes it."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.api.repositories import repository_of
from chalicelib.domain import limits, schedule
from chalicelib.domain.audit import Unaudited
from chalicelib.domain.planning import EndpointPlan, Entry
from chalicelib.services import plans

bp = ApiBlueprint(__name__)

NEXT_RUNS = 3
Path = Annotated[str, Field(min_length=3, max_length=500)]


class PlanIn(Model):
    """files: path -> text of a manifest, null for one that is deleted. is_complete: whatever is not among them would go too."""

    files: dict[Path, str | None] = Field(min_length=1, max_length=2000)
    is_complete: bool = False


class EntryOut(Model):
    """An entry of a machine's scheduler. before: what it was, where it changes. next_runs: the first three."""

    id: str | None
    job: str
    schedule: str | None
    schedule_before: str | None
    command: str | None
    command_before: str | None
    next_runs: list[Moment]


class EndpointPlanOut(Model):
    id: str
    name: str
    added: list[EntryOut]
    changed: list[EntryOut]
    removed: list[EntryOut]


class PlanAnswer(Model):
    """has_changes: something would happen somewhere. problems: by path and field; such a file counts as it stands now."""

    commit: str | None
    has_changes: bool
    endpoints: list[EndpointPlanOut]
    problems: dict[str, dict[str, str]]
    warnings: list[str]


@bp.api(
    "POST",
    "/api/plan",
    auth="user",
    scope="read:jobs",
    limit=limits.READS,
    body=PlanIn,
    returns=PlanAnswer,
    audit=Unaudited("stores nothing"),
)
def plan_change(ask: Ask) -> PlanAnswer:
    """Say which entries would be added, changed and removed on each endpoint, and store nothing."""
    proposal = plans.propose(repository_of(ask), ask.body.files, is_complete=ask.body.is_complete)
    now = datetime.now(UTC)
    return PlanAnswer(
        commit=proposal.commit,
        has_changes=any(not plan.is_empty for plan in proposal.endpoints),
        endpoints=[_out(plan, now) for plan in proposal.endpoints],
        problems={path: dict(problems) for path, problems in proposal.problems.items()},
        warnings=list(proposal.warnings),
    )


def _out(plan: EndpointPlan, now: datetime) -> EndpointPlanOut:
    zone = plan.endpoint.facts.timezone or "UTC"
    return EndpointPlanOut(
        id=plan.endpoint.endpoint_id,
        name=plan.endpoint.facts.name,
        added=[_entry(entry, zone, now) for entry in plan.added],
        changed=[_entry(entry, zone, now) for entry in plan.changed],
        removed=[_entry(entry, zone, now) for entry in plan.removed],
    )


def _entry(entry: Entry, zone: str, now: datetime) -> EntryOut:
    job, was = entry.job, entry.was if entry.becomes else None
    moments = schedule.next_fires(job.schedule, now, job.timezone or zone, NEXT_RUNS) if entry.becomes and job.schedule else []
    return EntryOut(
        id=job.id,
        job=job.reference,
        schedule=job.schedule,
        schedule_before=was.schedule if was else None,
        command=job.command,
        command_before=was.command if was else None,
        next_runs=moments,
    )
