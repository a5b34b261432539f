"""The route by which agents show that they live, and hear what people want of them."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.api.endpoints import COMMIT_PATTERN, DIGEST_PATTERN
from chalicelib.api.runs import UUID_PATTERN
from chalicelib.domain.clones import Process
from chalicelib.domain.endpoints import MAX_HELD_NAMED, Endpoint, EndpointState, Heartbeat, Held, state
from chalicelib.services import endpoints

bp = ApiBlueprint(__name__)


class HeldIn(Model):
    """Removals that wait for approval. digest: SHA-256 of the ids of all, sorted, one a line. job_ids: the first of them."""

    code: str = Field(min_length=1, max_length=50, pattern="^[a-z_]+$")
    head: str = Field(pattern=COMMIT_PATTERN)
    count: int = Field(ge=1, le=1_000_000)
    digest: str = Field(pattern=DIGEST_PATTERN)
    job_ids: list[Annotated[str, Field(pattern=UUID_PATTERN % "4")]] = Field(max_length=MAX_HELD_NAMED)


class HeartbeatIn(Model):
    """instance_id: made anew at each start of the agent, to tell a machine from a copy of it. boot_id: the system's own."""

    version: str = Field(min_length=1, max_length=50)
    commit: str | None = Field(default=None, pattern=COMMIT_PATTERN)
    spool_depth: int = Field(ge=0, le=1_000_000_000)
    oldest_unsent_at: Moment | None = None
    clock_at: Moment
    timezone: str | None = Field(default=None, max_length=100)
    scheduler: str | None = Field(default=None, max_length=50)
    problems: list[str] = Field(default_factory=list, max_length=50)
    instances_digest: str | None = Field(default=None, pattern=DIGEST_PATTERN)
    held: HeldIn | None = None
    results_lost: int = Field(default=0, ge=0, le=1_000_000_000)
    instance_id: str | None = Field(default=None, pattern="^[0-9a-f]{32}$")
    boot_id: str | None = Field(default=None, min_length=8, max_length=64)


class EndpointStanding(Model):
    """name and labels: what selectors of jobs are matched against, on the machine itself."""

    id: str
    state: EndpointState
    name: str
    labels: dict[str, str]


class ApprovalOut(Model):
    head: str
    digest: str


class OrdersOut(Model):
    """What people order the agent to do: approved: carry out the held removals of just this commit and these jobs.

    suspended_since: write nothing, until suspended_until or, if that is null, until this is null.
    """

    approved: ApprovalOut | None
    suspended_since: Moment | None
    suspended_until: Moment | None


class HeartbeatAnswer(Model):
    """instances_wanted: send `POST .../job-instances`, what is known of the jobs is not what the digest stands for.

    minimum_version: the oldest agent that may enrol here, null if any may; one that is older should say that it is.
    """

    endpoint: EndpointStanding
    server_time: Moment
    instances_wanted: bool
    minimum_version: str | None
    orders: OrdersOut


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
        held=_held(body.held) if body.held else None,
        results_lost=body.results_lost,
        process=Process(body.instance_id, body.boot_id) if body.instance_id else None,
    )
    endpoint = endpoints.beat(ask.known_caller, endpoint_id, heartbeat, now)
    standing = EndpointStanding(
        id=endpoint_id, state=state(endpoint, now), name=endpoint.facts.name, labels=dict(endpoint.labels)
    )
    is_wanted = body.instances_digest not in (None, endpoint.instances_digest)
    return HeartbeatAnswer(
        endpoint=standing,
        server_time=now,
        instances_wanted=is_wanted,
        minimum_version=endpoints.minimum_version(),
        orders=_orders(endpoint, now),
    )


def _held(told: HeldIn) -> Held:
    return Held(told.code, told.head, told.count, told.digest, tuple(told.job_ids))


def _orders(endpoint: Endpoint, now: datetime) -> OrdersOut:
    is_suspended = endpoint.is_suspended(now)
    approved = endpoint.approved if endpoint.is_approved else None
    return OrdersOut(
        approved=ApprovalOut(head=approved.head, digest=approved.digest) if approved else None,
        suspended_since=endpoint.suspended_since if is_suspended else None,
        suspended_until=endpoint.suspended_until if is_suspended else None,
    )
