"""Routes of endpoints."""

from datetime import UTC, datetime

from pydantic import Field

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.domain.endpoints import Endpoint, EndpointState, Heartbeat, state
from chalicelib.services import endpoints

bp = ApiBlueprint(__name__)


class EndpointOut(Model):
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
    last_heartbeat_at: Moment | None
    enrolled_at: Moment


class EndpointList(Model):
    """agents says the same as endpoints, for older clients."""

    endpoints: list[EndpointOut]
    agents: list[EndpointOut]
    total: int
    next: None = None


class HeartbeatIn(Model):
    version: str = Field(min_length=1, max_length=50)
    commit: str | None = Field(default=None, pattern="^[0-9a-f]{40}([0-9a-f]{24})?$")
    spool_depth: int = Field(ge=0, le=1_000_000_000)
    oldest_unsent_at: Moment | None = None
    clock_at: Moment
    timezone: str | None = Field(default=None, max_length=100)
    scheduler: str | None = Field(default=None, max_length=50)
    problems: list[str] = Field(default_factory=list, max_length=50)


class EndpointStanding(Model):
    id: str
    state: EndpointState


class HeartbeatAnswer(Model):
    endpoint: EndpointStanding
    server_time: Moment


@bp.api("GET", "/api/endpoints", auth="user", scope="read:endpoints", returns=EndpointList)
def list_endpoints(ask: Ask) -> EndpointList:
    """List the machines that run an agent."""
    now = datetime.now(UTC)
    found = [endpoint_out(endpoint, now) for endpoint in endpoints.list_endpoints(ask.known_caller)]
    return EndpointList(endpoints=found, agents=found, total=len(found))


@bp.api("POST", "/api/endpoints/{endpoint_id}/heartbeat", auth="endpoint", body=HeartbeatIn, returns=HeartbeatAnswer)
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
    )
    endpoints.beat(ask.known_caller, endpoint_id, heartbeat, now)
    return HeartbeatAnswer(endpoint=EndpointStanding(id=endpoint_id, state="active"), server_time=now)


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
        last_heartbeat_at=endpoint.last_heartbeat_at,
        enrolled_at=endpoint.enrolled_at,
    )
