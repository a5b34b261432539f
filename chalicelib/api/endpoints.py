"""Routes of endpoints."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field, model_validator

from chalicelib.api.auth import Empty, RepositoryOut, repository_out
from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.api.reports import CountsOut, counts_out
from chalicelib.domain import windows
from chalicelib.domain.endpoints import Endpoint, EndpointState, Heartbeat, state
from chalicelib.services import doors, endpoints, reports
from chalicelib.services.endpoints import EndpointFilter

bp = ApiBlueprint(__name__)

# Heartbeats rewrite the whole item: labels of this size keep it below a handful of write units.
LabelName = Annotated[str, Field(min_length=1, max_length=63)]
LabelValue = Annotated[str, Field(max_length=63)]


class EndpointOut(Model):
    """is_transferred: revoked because its machine enrolled with another tenant, which may happen until released_until."""

    id: str
    name: str
    hostname: str
    platform: str
    version: str
    machine_id: str
    timezone: str | None
    scheduler: str | None
    state: EndpointState
    commit: str | None
    spool_depth: int
    problems: list[str]
    labels: dict[str, str]
    is_transferred: bool
    released_until: Moment | None
    last_heartbeat_at: Moment | None
    enrolled_at: Moment


class EndpointList(Model):
    """agents says the same as endpoints, for older clients."""

    endpoints: list[EndpointOut]
    agents: list[EndpointOut]
    total: int
    next: None = None


class EndpointQuery(Model):
    state: EndpointState | None = None
    platform: str | None = Field(default=None, max_length=50)
    name: str | None = Field(default=None, max_length=100)


class EndpointAnswer(Model):
    endpoint: EndpointOut


class EndpointDetail(Model):
    """repository: what the endpoint's agent reads its jobs from. last_24_hours: the running hour and the 24 before it."""

    endpoint: EndpointOut
    repository: RepositoryOut
    last_24_hours: CountsOut


class EndpointChange(Model):
    """labels replace all that are there."""

    name: str | None = Field(default=None, min_length=1, max_length=100)
    labels: dict[LabelName, LabelValue] | None = Field(default=None, max_length=32)

    @model_validator(mode="after")
    def _says_something(self) -> "EndpointChange":
        if self.name is None and self.labels is None:
            raise ValueError("name: give this or labels")
        return self


class HeartbeatIn(Model):
    version: str = Field(min_length=1, max_length=50)
    commit: str | None = Field(default=None, pattern="^[0-9a-f]{40}([0-9a-f]{24})?$")
    spool_depth: int = Field(ge=0, le=1_000_000_000)
    oldest_unsent_at: Moment | None = None
    clock_at: Moment
    timezone: str | None = Field(default=None, max_length=100)
    scheduler: str | None = Field(default=None, max_length=50)
    problems: list[str] = Field(default_factory=list, max_length=50)
    instances_digest: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")


class EndpointStanding(Model):
    """name and labels: what selectors of jobs are matched against, on the machine itself."""

    id: str
    state: EndpointState
    name: str
    labels: dict[str, str]


class HeartbeatAnswer(Model):
    """instances_wanted: send `POST .../job-instances`, what is known of the jobs is not what the digest stands for."""

    endpoint: EndpointStanding
    server_time: Moment
    instances_wanted: bool


@bp.api(
    "GET",
    "/api/endpoints",
    auth="user",
    scope="read:endpoints",
    query=EndpointQuery,
    returns=EndpointList,
    aliases=["GET /api/agents"],
)
def list_endpoints(ask: Ask) -> EndpointList:
    """List the machines that run an agent."""
    now, query = datetime.now(UTC), ask.query
    wanted = EndpointFilter(query.state, query.platform, query.name)
    found = [endpoint_out(endpoint, now) for endpoint in endpoints.list_endpoints(ask.known_caller, wanted, now)]
    return EndpointList(endpoints=found, agents=found, total=len(found))


@bp.api(
    "GET",
    "/api/endpoints/{endpoint_id}",
    auth="user",
    scope="read:endpoints",
    returns=EndpointDetail,
    aliases=["GET /api/agents/{endpoint_id}"],
)
def get_endpoint(ask: Ask, endpoint_id: str) -> EndpointDetail:
    """Show one machine that runs an agent."""
    now = datetime.now(UTC)
    found = endpoints.load(ask.known_caller, endpoint_id)
    ran = reports.of_endpoint(ask.known_caller, endpoint_id, windows.of_24_hours(now))
    return EndpointDetail(
        endpoint=endpoint_out(found, now), repository=repository_out(found.tenant_id), last_24_hours=counts_out(ran)
    )


@bp.api(
    "PATCH",
    "/api/endpoints/{endpoint_id}",
    auth="user",
    scope="write:endpoints",
    body=EndpointChange,
    returns=EndpointAnswer,
    audit="endpoint.changed",
)
def change_endpoint(ask: Ask, endpoint_id: str) -> EndpointAnswer:
    """Rename an endpoint or replace its labels; labels stay when the machine enrols again."""
    changed = endpoints.amend(ask.known_caller, endpoint_id, ask.body.name, ask.body.labels)
    return EndpointAnswer(endpoint=endpoint_out(changed, datetime.now(UTC)))


@bp.api(
    "POST",
    "/api/endpoints/{endpoint_id}/revoke",
    auth="user",
    scope="write:endpoints",
    returns=EndpointAnswer,
    aliases=["DELETE /api/agents/{endpoint_id}"],
    audit="endpoint.revoked",
)
def revoke(ask: Ask, endpoint_id: str) -> EndpointAnswer:
    """Take an endpoint's tokens out of force, ours and the forge's; its jobs go on where they are."""
    now = datetime.now(UTC)
    revoked = endpoints.revoke(doors.forge_provisioning(), ask.known_caller, endpoint_id, now)
    return EndpointAnswer(endpoint=endpoint_out(revoked, now))


@bp.api("DELETE", "/api/endpoints/{endpoint_id}", auth="user", scope="write:endpoints", returns=Empty, audit="endpoint.deleted")
def delete_endpoint(ask: Ask, endpoint_id: str) -> Empty:
    """Revoke an endpoint and forget it; its runs stay."""
    endpoints.delete(doors.forge_provisioning(), ask.known_caller, endpoint_id, datetime.now(UTC))
    return Empty()


@bp.api(
    "POST",
    "/api/endpoints/{endpoint_id}/heartbeat",
    auth="endpoint",
    body=HeartbeatIn,
    returns=HeartbeatAnswer,
    aliases=["POST /api/agents/{endpoint_id}/heartbeat"],
)
def beat(ask: Ask, endpoint_id: str) -> HeartbeatAnswer:
    """Take an agent's sign of life."""
    now = datetime.now(UTC)
    body: HeartbeatIn = ask.body
    heartbeat = Heartbeat(
        version=body.version,
        commit=body.commit,
        spool_depth=body.spool_depth,
        oldest_unsent_at=body.oldest_unsent_at,
        clock_at=body.clock_at,
        timezone=body.timezone,
        scheduler=body.scheduler,
        problems=tuple(problem[:500] for problem in body.problems),
        instances_digest=body.instances_digest,
    )
    endpoint = endpoints.beat(ask.known_caller, endpoint_id, heartbeat, now)
    standing = EndpointStanding(
        id=endpoint_id, state=state(endpoint, now), name=endpoint.facts.name, labels=dict(endpoint.labels)
    )
    is_wanted = body.instances_digest not in (None, endpoint.instances_digest)
    return HeartbeatAnswer(endpoint=standing, server_time=now, instances_wanted=is_wanted)


def endpoint_out(endpoint: Endpoint, now: datetime) -> EndpointOut:
    """Return an endpoint as the API shows it."""
    facts = endpoint.facts
    return EndpointOut(
        id=endpoint.endpoint_id,
        name=facts.name,
        hostname=facts.hostname,
        platform=facts.platform,
        version=facts.version,
        machine_id=facts.machine_id,
        timezone=facts.timezone,
        scheduler=facts.scheduler,
        state=state(endpoint, now),
        commit=endpoint.commit,
        spool_depth=endpoint.spool_depth,
        problems=list(endpoint.problems),
        labels=dict(endpoint.labels),
        is_transferred=endpoint.is_transferred,
        released_until=endpoint.released_until,
        last_heartbeat_at=endpoint.last_heartbeat_at,
        enrolled_at=endpoint.enrolled_at,
    )
