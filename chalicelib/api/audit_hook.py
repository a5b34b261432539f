"""From a request and its answer to the entry in the audit log."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalice.app import Request, Response

from chalicelib.domain.audit import OPERATOR, Act, Actor, Outcome
from chalicelib.services import audit
from chalicelib.services.sessions import Caller

if TYPE_CHECKING:
    from chalicelib.api.blueprint import RouteSpec

# What a handler notes to say whose log a public route writes to: the account it found, or the one a stranger claims to be.
TENANT, CLAIMED = "tenant_id", "claimed"
IMPERSONATION = "endpoint.impersonated"


def write(
    spec: "RouteSpec",
    request: Request,
    caller: Caller | None,
    arguments: Mapping[str, str],
    response: Response,
    noted: Mapping[str, str],
) -> None:
    """Write down what a request did, or was kept from doing, if its route says so. Never raises."""
    outcome = _outcome(response)
    action = _action(spec, response)
    if action is None or outcome is None:
        return
    tenant_id = _log_of(spec, caller, noted, outcome)
    claimed = noted.get(CLAIMED) or noted.get(TENANT)
    act = Act(
        tenant_id=tenant_id or "",
        action=action,
        outcome=outcome,
        by=_actor(spec, caller, tenant_id or claimed, outcome),
        at=datetime.now(UTC),
        request_id=response.headers["X-Request-Id"],
        address=request.context["identity"]["sourceIp"],
        target=audit.target_of(arguments, response.body, _further(noted)),
        error=response.body["error"]["code"] if outcome != "done" and isinstance(response.body, dict) else None,
    )
    if outcome == "refused" and (tenant_id or claimed):
        audit.record_refusal(act, claimed=None if tenant_id else claimed)
    elif outcome != "refused" and tenant_id:
        audit.record(act)
    if spec.auth == "operator" and outcome == "done" and TENANT in arguments:
        # Who is acted upon reads it too.
        audit.record(replace(act, tenant_id=arguments[TENANT]))


def _action(spec: "RouteSpec", response: Response) -> str | None:
    """Return what the log calls it. What endpoints say is in no log, but that one spoke for another is."""
    if isinstance(spec.audit, str):
        return spec.audit
    return IMPERSONATION if spec.auth == "endpoint" and response.status_code == 403 else None


def _log_of(spec: "RouteSpec", caller: Caller | None, noted: Mapping[str, str], outcome: Outcome) -> str | None:
    if spec.auth == "operator":
        return OPERATOR if caller else None
    if caller:
        return caller.tenant_id
    # Only who got in is who they say they are.
    return noted.get(TENANT) if outcome == "done" else None


def _outcome(response: Response) -> Outcome | None:
    """Return what became of a request, None if nothing was done: it was malformed, came too often, or is told again."""
    if "Idempotency-Replayed" in response.headers:
        return None
    if response.status_code < 400:
        return "done"
    if response.status_code in (401, 403):
        return "refused"
    return "failed" if response.status_code >= 500 else None


def _actor(spec: "RouteSpec", caller: Caller | None, name: str | None, outcome: Outcome) -> Actor:
    if caller is None:
        return Actor("user" if outcome == "done" else "anonymous", name or "")
    kind: str = "token" if caller.kind == "user" and caller.credential else caller.kind
    if spec.auth == "operator" and caller.is_operator:
        kind = "operator"
    token_id = caller.credential.token_id if caller.credential else None
    return Actor(kind, caller.name, token_id, caller.session_id)


def _further(noted: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in noted.items() if name not in (TENANT, CLAIMED)}
