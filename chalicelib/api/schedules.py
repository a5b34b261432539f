"""Routes that tell when something will run."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.api.repositories import repository_of
from chalicelib.domain import limits
from chalicelib.domain.audit import Unaudited
from chalicelib.services import jobs, next_runs
from chalicelib.services.next_runs import MAX_COUNT, Preview

bp = ApiBlueprint(__name__)


class NextRunsQuery(Model):
    count: int = Field(default=5, ge=1, le=MAX_COUNT)


class PreviewIn(Model):
    """timezone: IANA name; without one the schedule is shown as each endpoint would understand it."""

    schedule: str = Field(max_length=500)
    timezone: str | None = Field(default=None, max_length=100)
    count: int = Field(default=5, ge=1, le=MAX_COUNT)


class EndpointName(Model):
    id: str
    name: str


class RunAt(Model):
    """local: the same moment as a clock in the zone shows it, with its offset."""

    at: Moment
    local: str


class ZoneOut(Model):
    """source: job if the job names this zone, endpoint if endpoints live in it, default where nobody says anything."""

    timezone: str
    source: Literal["job", "endpoint", "default"]
    endpoints: list[EndpointName]
    runs: list[RunAt]


class NextRuns(Model):
    """description: the schedule in plain English. notes: what else to know before relying on the moments."""

    schedule: str | None
    timezone: str | None
    description: str
    zones: list[ZoneOut]
    notes: list[str]


@bp.api(
    "GET",
    "/api/jobs/{namespace}/{name}/next-runs",
    auth="user",
    scope="read:jobs",
    query=NextRunsQuery,
    returns=NextRuns,
    also=(409,),
)
def list_next_runs(ask: Ask, namespace: str, name: str) -> NextRuns:
    """Show when a job will run next, on the endpoints it is meant for."""
    job = jobs.load_job(repository_of(ask), namespace, name).job
    preview = next_runs.preview_job(ask.known_caller.tenant_id, job, ask.query.count, datetime.now(UTC))
    return _out(job.schedule, job.timezone, preview)


@bp.api(
    "POST",
    "/api/schedule/preview",
    auth="user",
    scope="read:jobs",
    limit=limits.READS,
    body=PreviewIn,
    returns=NextRuns,
    audit=Unaudited("stores nothing"),
)
def preview_schedule(ask: Ask) -> NextRuns:
    """Show when a schedule would fire, without storing anything."""
    body: PreviewIn = ask.body
    tenant_id, now = ask.known_caller.tenant_id, datetime.now(UTC)
    preview = next_runs.preview_schedule(tenant_id, body.schedule, body.timezone, body.count, now)
    return _out(body.schedule, body.timezone, preview)


def _out(schedule: str | None, timezone: str | None, preview: Preview) -> NextRuns:
    return NextRuns(
        schedule=schedule,
        timezone=timezone,
        description=preview.words,
        zones=[
            ZoneOut(
                timezone=zone.timezone,
                source=zone.source,
                endpoints=[EndpointName(id=endpoint_id, name=name) for endpoint_id, name in zone.endpoints],
                runs=[RunAt(at=moment, local=moment.isoformat()) for moment in zone.moments],
            )
            for zone in preview.zones
        ],
        notes=list(preview.notes),
    )
