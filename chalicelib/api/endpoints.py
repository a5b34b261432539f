"""Routes of endpoints."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field, model_validator

from chalicelib.api.auth import Empty, RepositoryOut, repository_out
from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.api.reports import CountsOut, counts_out
from chalicelib.domain import clones, windows
from chalicelib.domain.endpoints import Endpoint, EndpointState, state
from chalicelib.services import doors, endpoints, reports
from chalicelib.services.endpoints import EndpointFilter

bp = ApiBlueprint(__name__)

# Heartbeats rewrite the whole item: labels of this size keep it below a handful of write units.
COMMIT_PATTERN = "^[0-9a-f]{40}([0-9a-f]{24})?$"
DIGEST_PATTERN = "^[0-9a-f]{64}$"
LabelName = Annotated[str, Field(min_length=1, max_length=63)]
LabelValue = Annotated[str, Field(max_length=63)]


class HeldOut(Model):
    """Removals that the agent holds back until they are approved.

    code: why, a word of docs/agent.md. head: the commit that leaves these jobs out. count: of all of them; job_ids: the first.
    digest: what `POST .../approve-removals` takes, so that nothing else is approved. is_approved: the agent will hear of it.
    """

    code: str
    head: str
    count: int
    job_ids: list[str]
    digest: str
    is_approved: bool


class EndpointOut(Model):
    """suspended_since, suspended_until: its agent is to write nothing, until then or, without an end, until it is resumed.
    is_transferred: revoked because its machine enrolled with another tenant, which may happen until released_until.
    duplicate_since: a copy of the machine runs, too, and is refused; `problems` says what to do.
    clock_skew_s: how far the machine's clock is ahead of ours, negative: behind."""

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
    results_lost: int
    duplicate_since: Moment | None
    clock_skew_s: int | None
    problems: list[str]
    labels: dict[str, str]
    is_transferred: bool
    released_until: Moment | None
    held: HeldOut | None
    suspended_since: Moment | None
    suspended_until: Moment | None
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
        results_lost=endpoint.results_lost,
        clock_skew_s=endpoint.skew_s,
        duplicate_since=endpoint.seat.duplicate_since if endpoint.seat.has_duplicate(now) else None,
        problems=[*filter(None, [clones.problem(endpoint.seat, now), endpoint.clock_problem]), *endpoint.problems],
        labels=dict(endpoint.labels),
        is_transferred=endpoint.is_transferred,
        released_until=endpoint.released_until,
        held=_held_out(endpoint),
        suspended_since=endpoint.suspended_since if endpoint.is_suspended(now) else None,
        suspended_until=endpoint.suspended_until if endpoint.is_suspended(now) else None,
        last_heartbeat_at=endpoint.last_heartbeat_at,
        enrolled_at=endpoint.enrolled_at,
    )


def _held_out(endpoint: Endpoint) -> HeldOut | None:
    held = endpoint.held
    if held is None:
        return None
    return HeldOut(
        code=held.code,
        head=held.head,
        count=held.count,
        job_ids=list(held.job_ids),
        digest=held.digest,
        is_approved=endpoint.is_approved,
    )
