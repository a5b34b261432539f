"""Routes of accounts: the caller's own, and all of them for operators."""

import re
from datetime import UTC, datetime

from pydantic import Field

from chalicelib import config
from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.domain import limits
from chalicelib.domain.errors import Invalid
from chalicelib.domain.tenants import MAX_RETENTION_DAYS, MIN_RETENTION_DAYS, Tenant, TenantState
from chalicelib.domain.usage import month_of
from chalicelib.services import api_tokens, sessions, tenants, usage
from chalicelib.services.usage import Bill

bp = ApiBlueprint(__name__)

MONTH = r"^20\d\d-(0[1-9]|1[0-2])$"


class TenantOut(Model):
    id: str
    username: str
    name: str | None
    email: str
    email_verified: bool
    state: TenantState
    suspended_because: str | None
    is_operator: bool
    retention_days: int
    created_at: Moment


class UsageOut(Model):
    """As far as it has been written down; see docs/accounts.md. stored_bytes: of outputs. endpoints: now."""

    month: str
    calls: int
    check_ins: int
    stored_bytes: int
    endpoints: int


class RateLimitOut(Model):
    name: str
    times: int
    window_s: int
    per: str


class LimitsOut(Model):
    rate_limits: list[RateLimitOut]
    api_tokens: int
    body_bytes: int


class OwnTenant(Model):
    tenant: TenantOut
    usage: UsageOut
    limits: LimitsOut


class TenantAnswer(Model):
    tenant: TenantOut


class TenantWithUsage(TenantAnswer):
    usage: UsageOut


class TenantList(Model):
    tenants: list[TenantOut]
    next: str | None


class TenantQuery(Model):
    state: TenantState | None = None
    limit: int = Field(default=50, ge=1, le=100)
    next: str | None = Field(default=None, max_length=200)


class MonthQuery(Model):
    month: str | None = Field(default=None, pattern=MONTH)


class TenantChange(Model):
    """What is left out stays."""

    name: str | None = Field(default=None, max_length=100)
    retention_days: int | None = Field(default=None, ge=MIN_RETENTION_DAYS, le=MAX_RETENTION_DAYS)


class Suspension(Model):
    reason: str = Field(min_length=1, max_length=500)


@bp.api("GET", "/api/tenants/me", auth="user", scope="read:tenant", query=MonthQuery, returns=OwnTenant)
def own_tenant(ask: Ask) -> OwnTenant:
    """Show the caller's account: its settings, what it used in a month, this one unless named, and its limits."""
    tenant = sessions.account(ask.known_caller)
    return OwnTenant(tenant=_out(tenant), usage=_usage(_bill(ask, tenant.tenant_id)), limits=_limits())


@bp.api(
    "PATCH",
    "/api/tenants/me",
    auth="user",
    scope="admin:tenant",
    body=TenantChange,
    returns=TenantAnswer,
    audit="tenant.changed",
)
def change_own_tenant(ask: Ask) -> TenantAnswer:
    """Change the caller's name or how long runs are kept."""
    body: TenantChange = ask.body
    if body.name is None and body.retention_days is None:
        raise Invalid.of({"name": "give this or retention_days"})
    if body.name and re.search(r"[\x00-\x1f\x7f]", body.name):
        raise Invalid.of({"name": "no control characters"})
    return TenantAnswer(tenant=_out(tenants.amend(ask.known_caller, body.name, body.retention_days)))


@bp.api("GET", "/api/tenants", auth="operator", query=TenantQuery, returns=TenantList)
def list_tenants(ask: Ask) -> TenantList:
    """List all accounts, by state and name."""
    query: TenantQuery = ask.query
    page = tenants.list_tenants(query.state, query.limit, query.next)
    return TenantList(tenants=[_out(tenant) for tenant in page.tenants], next=page.next)


@bp.api("GET", "/api/tenants/{tenant_id}", auth="operator", query=MonthQuery, returns=TenantWithUsage)
def get_tenant(ask: Ask, tenant_id: str) -> TenantWithUsage:
    """Show an account and what it used in a month."""
    tenant = tenants.load(tenant_id)
    return TenantWithUsage(tenant=_out(tenant), usage=_usage(_bill(ask, tenant_id)))


@bp.api(
    "POST",
    "/api/tenants/{tenant_id}/suspend",
    auth="operator",
    body=Suspension,
    returns=TenantAnswer,
    audit="tenant.suspended",
)
def suspend_tenant(ask: Ask, tenant_id: str) -> TenantAnswer:
    """Stop an account: its sessions, tokens and endpoints are refused from the next request on."""
    return TenantAnswer(tenant=_out(tenants.suspend(ask.known_caller, tenant_id, ask.body.reason, datetime.now(UTC))))


@bp.api("POST", "/api/tenants/{tenant_id}/activate", auth="operator", returns=TenantAnswer, audit="tenant.activated")
def activate_tenant(ask: Ask, tenant_id: str) -> TenantAnswer:
    """Let a suspended account go on: its tokens and endpoints work again."""
    proves_first = config.load().email_verification == "required"
    return TenantAnswer(tenant=_out(tenants.activate(tenant_id, datetime.now(UTC), proves_first=proves_first)))


def _bill(ask: Ask, tenant_id: str) -> Bill:
    return usage.bill(tenant_id, ask.query.month or month_of(datetime.now(UTC)))


def _usage(bill: Bill) -> UsageOut:
    used = bill.used
    return UsageOut(
        month=bill.month,
        calls=used.calls,
        check_ins=used.check_ins,
        stored_bytes=used.stored_bytes,
        endpoints=bill.endpoints,
    )


def _limits() -> LimitsOut:
    factor = config.rate_limit_factor()
    counted = [
        RateLimitOut(name=one.name, times=one.times * factor, window_s=one.window_s, per=one.per) for one in limits.TABLE
    ]
    return LimitsOut(rate_limits=counted, api_tokens=api_tokens.MAX_TOKENS, body_bytes=limits.MAX_BODY_BYTES)


def _out(tenant: Tenant) -> TenantOut:
    return TenantOut(
        id=tenant.tenant_id,
        username=tenant.username,
        name=tenant.name or None,
        email=tenant.email,
        email_verified=tenant.email_verified_at is not None,
        state=tenant.state,
        suspended_because=tenant.suspended_because,
        is_operator=tenant.is_operator,
        retention_days=tenant.retention_days,
        created_at=tenant.created_at,
    )
