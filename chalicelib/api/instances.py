"""Routes of instances: how each job stands on each machine."""

from datetime import UTC, datetime, timedelta

from pydantic import Field, field_validator

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.api.reports import CountsOut, counts_out
from chalicelib.api.repositories import repository_of
from chalicelib.api.runs import UUID_PATTERN
from chalicelib.domain import schedule
from chalicelib.domain.endpoints import EndpointState, state
from chalicelib.domain.instances import MAX_ORIGINAL_BYTES, MAX_REASON_BYTES, InstanceSource, InstanceStatus, LastRun, Reported
from chalicelib.domain.recent import Ending
from chalicelib.domain.runs import RunStatus
from chalicelib.domain.schedule import MAX_LENGTH
from chalicelib.domain.slots import Expectation
from chalicelib.domain.zones import is_known
from chalicelib.services import instances, jobs
from chalicelib.services.instances import InstanceFilter, Placed, Told

bp = ApiBlueprint(__name__)

MAX_REPORTED = 1000


class InstanceIn(Model):
    """drift: the scheduler does not hold what it should. reason: why, or what stands in the way; 90 bytes are kept.

    original_command: what a discovered job's own line runs; 256 bytes are kept.
    schedule, timezone, grace_s: when it runs from now on, and how late it may be before it counts as missed. Without schedule
    and zone nothing is expected of it.
    """

    job_id: str = Field(pattern=UUID_PATTERN % "4")
    job_name: str = Field(min_length=1, max_length=63)
    namespace: str = Field(min_length=1, max_length=63)
    status: InstanceStatus
    source: InstanceSource = "crontopus"
    drift: bool = False
    reason: str | None = Field(default=None, max_length=500)
    original_command: str | None = Field(default=None, max_length=8192)
    schedule: str | None = Field(default=None, max_length=MAX_LENGTH)
    timezone: str | None = Field(default=None, max_length=64)
    grace_s: int = Field(default=300, ge=0, le=31 * 86400)


class InstanceReport(Model):
    """All jobs on the machine. digest: what the heartbeats will say as long as nothing of this changes."""

    digest: str = Field(pattern="^[0-9a-f]{64}$")
    instances: list[InstanceIn] = Field(max_length=MAX_REPORTED)

    @field_validator("instances")
    @classmethod
    def _are_different(cls, given: list[InstanceIn]) -> list[InstanceIn]:
        if len({one.job_id for one in given}) != len(given):
            raise ValueError("each job may be named once")
        return given


class InstanceReportAnswer(Model):
    created: int
    changed: int
    removed: int


class LastRunOut(Model):
    run_id: str
    status: RunStatus
    started_at: Moment
    finished_at: Moment | None
    duration_ms: int | None
    exit_code: int | None


class StreakOut(Model):
    """How many runs in a row ended alike, the newest among them."""

    ending: Ending | None
    length: int


class InstanceOut(Model):
    """One job on one machine.

    status, source, drift, reason, original_command and last_seen: as the agent says, null or false where only runs are known.
    last_seen: when it last stood by that. today: the runs of `day`, the newest UTC date in which something ran. recent: how the
    newest runs ended, newest first. open_runs: ids of runs that have begun and not ended.
    """

    job_id: str
    job_name: str
    namespace: str
    endpoint_id: str
    status: InstanceStatus | None
    source: InstanceSource | None
    drift: bool
    reason: str | None
    original_command: str | None
    last_seen: Moment | None
    last_run: LastRunOut | None
    last_success_at: Moment | None
    last_failure_at: Moment | None
    streak: StreakOut
    recent: list[RunStatus]
    open_runs: list[str]
    day: str | None
    today: CountsOut


class InstanceList(Model):
    jobs: list[InstanceOut]
    total: int


class InstanceQuery(Model):
    namespace: str | None = Field(default=None, max_length=63)
    job: str | None = Field(default=None, max_length=63)
    status: InstanceStatus | None = None


class AllInstancesQuery(InstanceQuery):
    endpoint_id: str | None = Field(default=None, max_length=64)


class Instances(Model):
    instances: list[InstanceOut]
    total: int


class JobEndpoint(Model):
    """name, hostname, platform, state and last_heartbeat_at are null for runs that came by ping URL."""

    id: str
    name: str | None
    hostname: str | None
    platform: str | None
    state: EndpointState | None
    last_heartbeat_at: Moment | None
    instance: InstanceOut


class JobEndpoints(Model):
    """last_24_hours: of the job, on all of its machines."""

    job_id: str
    last_24_hours: CountsOut
    endpoints: list[JobEndpoint]
    total: int


@bp.api(
    "POST",
    "/api/endpoints/{endpoint_id}/job-instances",
    auth="endpoint",
    body=InstanceReport,
    returns=InstanceReportAnswer,
    aliases=["POST /api/agents/{endpoint_id}/job-instances"],
)
def report_instances(ask: Ask, endpoint_id: str) -> InstanceReportAnswer:
    """Take in how all jobs stand on a machine; what is not named is not there any more."""
    body: InstanceReport = ask.body
    now = datetime.now(UTC)
    told = [Told(one.job_id, one.job_name, one.namespace, _reported(one, now)) for one in body.instances]
    taken = instances.take_report(ask.known_caller, endpoint_id, told, body.digest, now)
    return InstanceReportAnswer(created=taken.created, changed=taken.changed, removed=taken.removed)


@bp.api(
    "GET",
    "/api/endpoints/{endpoint_id}/jobs",
    auth="user",
    scope="read:endpoints",
    query=InstanceQuery,
    returns=InstanceList,
    aliases=["GET /api/agents/{endpoint_id}/jobs"],
)
def list_jobs_of_endpoint(ask: Ask, endpoint_id: str) -> InstanceList:
    """List the jobs on one machine and how they stand there."""
    query: InstanceQuery = ask.query
    wanted = InstanceFilter(query.namespace or None, query.job, query.status)
    found = instances.list_of_endpoint(ask.known_caller, endpoint_id, wanted)
    return InstanceList(jobs=[instance_out(one) for one in found], total=len(found))


@bp.api("GET", "/api/jobs/{namespace}/{name}/endpoints", auth="user", scope="read:jobs", returns=JobEndpoints)
def list_endpoints_of_job(ask: Ask, namespace: str, name: str) -> JobEndpoints:
    """List the machines that have a job, and how it stands on each."""
    now = datetime.now(UTC)
    job_id = jobs.load_job(repository_of(ask), namespace, name).job.id
    found = instances.list_of_job(ask.known_caller, job_id) if job_id else []
    return JobEndpoints(
        job_id=job_id or "",
        last_24_hours=counts_out(instances.last_24_hours(found, now)),
        endpoints=[_job_endpoint(one, now) for one in found],
        total=len(found),
    )


@bp.api("GET", "/api/instances", auth="user", scope="read:endpoints", query=AllInstancesQuery, returns=Instances)
def list_instances(ask: Ask) -> Instances:
    """List how all jobs stand on all machines."""
    query: AllInstancesQuery = ask.query
    wanted = InstanceFilter(query.namespace or None, query.job, query.status)
    found = instances.list_all(ask.known_caller, wanted, query.endpoint_id)
    return Instances(instances=[instance_out(one) for one in found], total=len(found))


def _reported(told: InstanceIn, now: datetime) -> Reported:
    expected = _expected(told, now)
    reason = told.reason
    if told.schedule and told.timezone and expected is None and told.status == "scheduled":
        reason = reason or "its schedule or zone is unknown to the control plane: nothing is expected of it"
    original = told.original_command if told.source == "discovered" else None
    kept, command = _cut(reason, MAX_REASON_BYTES), _cut(original, MAX_ORIGINAL_BYTES)
    return Reported(told.status, told.source, told.drift, kept, now, expected, command)


def _cut(text: str | None, size: int) -> str | None:
    return (text.encode()[:size].decode(errors="ignore") or None) if text else None


def _expected(told: InstanceIn, now: datetime) -> Expectation | None:
    """Return when the job should run from now on. A schedule that only a newer agent knows does not spoil the whole report."""
    is_clear = told.schedule and told.timezone and schedule.problem(told.schedule) is None and is_known(told.timezone)
    if not is_clear or told.status != "scheduled" or told.source != "crontopus":
        return None
    return Expectation(told.schedule, told.timezone or "", timedelta(seconds=told.grace_s), now)


def _job_endpoint(placed: Placed, now: datetime) -> JobEndpoint:
    endpoint = placed.endpoint
    return JobEndpoint(
        id=placed.instance.endpoint_id,
        name=endpoint.facts.name if endpoint else None,
        hostname=endpoint.facts.hostname if endpoint else None,
        platform=endpoint.facts.platform if endpoint else None,
        state=state(endpoint, now) if endpoint else None,
        last_heartbeat_at=endpoint.last_heartbeat_at if endpoint else None,
        instance=instance_out(placed),
    )


def instance_out(placed: Placed) -> InstanceOut:
    """Return an instance as the API shows it."""
    instance, reported = placed.instance, placed.instance.reported
    return InstanceOut(
        job_id=instance.job_id,
        job_name=instance.job_name,
        namespace=instance.namespace,
        endpoint_id=instance.endpoint_id,
        status=instance.status,
        source=reported.source if reported else None,
        drift=bool(reported and reported.drift),
        reason=reported.reason if reported else None,
        original_command=reported.original_command if reported else None,
        last_seen=placed.seen_at,
        last_run=_last_run(instance.last) if instance.last else None,
        last_success_at=instance.last_success_at,
        last_failure_at=instance.last_failure_at,
        streak=StreakOut(ending=instance.streak.ending, length=instance.streak.length),
        recent=list(instance.recent.results),
        open_runs=list(instance.open),
        day=instance.day,
        today=counts_out(instance.today),
    )


def _last_run(last: LastRun) -> LastRunOut:
    return LastRunOut(**{name: getattr(last, name) for name in LastRunOut.model_fields})
