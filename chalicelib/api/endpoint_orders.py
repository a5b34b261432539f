"""Routes by which people tell an endpoint's agent what to do, or not to do anything."""

from datetime import UTC, datetime

from pydantic import Field

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.api.endpoints import COMMIT_PATTERN, DIGEST_PATTERN, EndpointAnswer, endpoint_out
from chalicelib.services import endpoint_orders

bp = ApiBlueprint(__name__)


class ApprovalIn(Model):
    """head, digest: those of `held`, as it was when it was looked at. Without digest: whatever is held under that commit."""

    head: str = Field(pattern=COMMIT_PATTERN)
    digest: str | None = Field(default=None, pattern=DIGEST_PATTERN)


class SuspensionIn(Model):
    """until: null, or left out, until it is resumed."""

    until: Moment | None = None


@bp.api(
    "POST",
    "/api/endpoints/{endpoint_id}/approve-removals",
    auth="user",
    scope="write:endpoints",
    body=ApprovalIn,
    returns=EndpointAnswer,
    audit="endpoint.removals_approved",
    also=(409,),
)
def approve_removals(ask: Ask, endpoint_id: str) -> EndpointAnswer:
    """Approve the removals that an endpoint's agent holds back, just these and under just this commit."""
    body: ApprovalIn = ask.body
    approved = endpoint_orders.approve_removals(ask.known_caller, endpoint_id, body.head, body.digest)
    ask.noted["head"] = body.head
    if approved.held:
        ask.noted["jobs"] = str(approved.held.count)
    return EndpointAnswer(endpoint=endpoint_out(approved, datetime.now(UTC)))


@bp.api(
    "POST",
    "/api/endpoints/{endpoint_id}/suspend",
    auth="user",
    scope="write:endpoints",
    body=SuspensionIn,
    returns=EndpointAnswer,
    audit="endpoint.suspended",
)
def suspend(ask: Ask, endpoint_id: str) -> EndpointAnswer:
    """Let an endpoint's agent look and report, and write nothing, for a while or until it is resumed."""
    now = datetime.now(UTC)
    suspended = endpoint_orders.suspend(ask.known_caller, endpoint_id, ask.body.until, now)
    return EndpointAnswer(endpoint=endpoint_out(suspended, now))


@bp.api(
    "POST",
    "/api/endpoints/{endpoint_id}/resume",
    auth="user",
    scope="write:endpoints",
    returns=EndpointAnswer,
    audit="endpoint.resumed",
)
def resume(ask: Ask, endpoint_id: str) -> EndpointAnswer:
    """Let a suspended endpoint's agent go on. One that was suspended on the machine itself is resumed there."""
    return EndpointAnswer(endpoint=endpoint_out(endpoint_orders.resume(ask.known_caller, endpoint_id), datetime.now(UTC)))
