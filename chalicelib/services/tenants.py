"""Accounts: their owners' settings, and what operators do with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.errors import Conflict, Invalid, NotFound
from chalicelib.domain.tenants import STATES, Tenant, TenantState
from chalicelib.services import registration, retention, sessions
from chalicelib.services.sessions import Caller
from chalicelib.store import tenants as tenant_store
from chalicelib.store import tokens as token_store


@dataclass(frozen=True, slots=True)
class Page:
    """tenants: by state, then by name. next: opaque, None when there are no more."""

    tenants: list[Tenant]
    next: str | None


def list_tenants(state: TenantState | None, limit: int, cursor: str | None) -> Page:
    """Return a page of all accounts, or of those in one state; one Query for each state that it reaches.

    Raise Invalid for a cursor that is not ours.
    """
    states: Sequence[TenantState] = (state,) if state else STATES
    after: str | None = None
    if cursor:
        first, _, after = cursor.partition(":")
        if first not in states or not after:
            raise Invalid.of({"next": "is not from a page of this list"})
        states = states[[str(one) for one in states].index(first) :]
    found: list[Tenant] = []
    for one in states:
        found += tenant_store.list_of_state(one, limit + 1 - len(found), after)
        after = None
        if len(found) > limit:
            last = found[limit - 1]
            return Page(found[:limit], f"{last.state}:{last.tenant_id}")
    return Page(found, None)


def load(tenant_id: str) -> Tenant:
    """Return a tenant. Raise NotFound."""
    tenant = tenant_store.find(tenant_id)
    if tenant is None:
        raise NotFound(f"no tenant {tenant_id!r}")
    return tenant


def suspend(operator: Caller, tenant_id: str, because: str, now: datetime) -> Tenant:
    """Stop an account and return it: its sessions end, its credentials say that it is suspended; nothing is deleted.

    The state comes first: from then on nobody gets a new credential. Whatever fails, repeating goes on with what is not done.
    Raise NotFound, or Conflict for the operator's own account.
    """
    tenant = load(tenant_id)
    if tenant_id == operator.tenant_id:
        raise Conflict("nobody suspends the account they are using")
    tenant_store.move_to(tenant, "suspended", now, because=because)
    token_store.delete_all(tenant_id, "refresh")
    token_store.suspend_all(tenant_id, is_suspended=True)
    return load(tenant_id)


def activate(tenant_id: str, now: datetime, *, proves_first: bool) -> Tenant:
    """Let a suspended account go on where it was, and return it; its sessions stay ended.

    proves_first: an account whose address is not proved waits for that. Raise NotFound.
    """
    tenant = load(tenant_id)
    if tenant.state != "suspended":
        return tenant
    # The credentials come first: once the state says so, all of them work.
    token_store.suspend_all(tenant_id, is_suspended=False)
    tenant_store.move_to(tenant, _state_without_suspension(tenant, proves_first=proves_first), now)
    return load(tenant_id)


def _state_without_suspension(tenant: Tenant, *, proves_first: bool) -> TenantState:
    if registration.is_complete(tenant):
        return "active"
    return "unverified" if proves_first and tenant.email_verified_at is None else "registering"


def amend(caller: Caller, name: str | None, retention_days: int | None) -> Tenant:
    """Change the caller's own settings, None keeps one, and return the account."""
    tenant_store.amend(sessions.account(caller), name, retention_days)
    if retention_days is not None:
        retention.spread(caller.tenant_id, retention_days)
    return sessions.account(caller)
