"""Routes of the audit log."""

from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.domain.audit import OPERATOR, Entry, Outcome
from chalicelib.services import audit
from chalicelib.services.audit import AuditFilter

bp = ApiBlueprint(__name__)


class ActorOut(Model):
    """kind: user (a person's session), token, enroll, endpoint, operator or anonymous."""

    kind: str
    name: str
    token_id: str | None = None
    session_id: str | None = None


class EntryOut(Model):
    """hash: SHA-256 of prev_hash and of the JSON of all other fields that are not null: keys sorted, no space.

    count: how many like it there were within the hour, of refusals; only the first, the tenth, the hundredth ... has an entry.
    """

    v: int = 0
    tenant_id: str = ""
    seq: int
    at: Moment
    prev_at: Moment | None = None
    action: str
    outcome: Outcome
    error: str | None = None
    by: ActorOut | None = None
    address: str | None = None
    request_id: str = ""
    target: dict[str, str] = Field(default_factory=dict)
    count: int | None = None
    prev_hash: str
    hash: str


class HeadOut(Model):
    """The newest entry. Whoever notes it down can tell later whether the log was rewritten behind it."""

    seq: int
    at: Moment
    hash: str


class EntryList(Model):
    """entries: newest first."""

    entries: list[EntryOut]
    head: HeadOut | None
    next: str | None


class BreakOut(Model):
    """seq: of the first entry that does not fit."""

    seq: int
    why: str


class VerdictOut(Model):
    """valid: every link that was read holds. next: number after which to go on, None at the end."""

    valid: bool
    checked: int
    first_seq: int | None
    last_seq: int | None
    broken: BreakOut | None
    head: HeadOut | None
    next: str | None


class AuditQuery(Model):
    """action: whole, or the part before its dot. next: as the page before gave it."""

    action: str | None = Field(default=None, max_length=100)
    outcome: Outcome | None = None
    since: Moment | None = None
    until: Moment | None = None
    limit: int = Field(default=50, ge=1, le=audit.MAX_PAGE)
    next: int | None = Field(default=None, ge=1, le=2**53)


class VerifyQuery(Model):
    next: int | None = Field(default=None, ge=1, le=2**53)


@bp.api("GET", "/api/audit", auth="user", scope="admin:tenant", query=AuditQuery, returns=EntryList)
def list_entries(ask: Ask) -> EntryList:
    """List who changed what, newest first; a page may be empty and not be the last."""
    return entries_of(ask.known_caller.tenant_id, ask.query)


@bp.api("GET", "/api/audit/verify", auth="user", scope="admin:tenant", query=VerifyQuery, returns=VerdictOut)
def verify(ask: Ask) -> VerdictOut:
    """Recompute up to 1,000 links of the audit log and name the first that does not hold."""
    return verdict_of(ask.known_caller.tenant_id, ask.query.next)


@bp.api("GET", "/api/operator/audit", auth="operator", scope="admin:tenant", query=AuditQuery, returns=EntryList)
def list_operator_entries(ask: Ask) -> EntryList:
    """List what operators changed, and attempts that belong to no tenant."""
    return entries_of(OPERATOR, ask.query)


@bp.api("GET", "/api/operator/audit/verify", auth="operator", scope="admin:tenant", query=VerifyQuery, returns=VerdictOut)
def verify_operators(ask: Ask) -> VerdictOut:
    """Recompute up to 1,000 links of the operators' audit log."""
    return verdict_of(OPERATOR, ask.query.next)


def entries_of(tenant_id: str, query: AuditQuery) -> EntryList:
    """Return a page of one log."""
    wanted = AuditFilter(query.action, query.outcome, query.since, query.until)
    page = audit.list_entries(tenant_id, wanted, query.limit, query.next, datetime.now(UTC))
    return EntryList(
        entries=[EntryOut.model_validate(_shown(entry)) for entry in page.entries],
        head=_head(page.head),
        next=str(page.next) if page.next else None,
    )


def verdict_of(tenant_id: str, after_seq: int | None) -> VerdictOut:
    """Return how far one log holds."""
    verdict, head, is_all = audit.verify(tenant_id, after_seq, datetime.now(UTC))
    last_seq = verdict.last.seq if verdict.last else None
    return VerdictOut(
        valid=verdict.broken is None,
        checked=verdict.checked,
        first_seq=verdict.first_seq,
        last_seq=last_seq,
        broken=BreakOut(seq=verdict.broken.seq, why=verdict.broken.why) if verdict.broken else None,
        head=_head(head),
        next=None if is_all else str(last_seq),
    )


def _shown(entry: Entry) -> dict[str, Any]:
    known = set(EntryOut.model_fields)
    return {name: value for name, value in entry.as_json().items() if name in known}


def _head(entry: Entry | None) -> HeadOut | None:
    return HeadOut(seq=entry.seq, at=entry.at, hash=entry.hash) if entry else None
