"""The providers' people as whom a tenant may log in, and whether it may still do so by password."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from chalicelib.domain import ids, tokens
from chalicelib.domain.credentials import Credential
from chalicelib.domain.errors import Conflict, NotFound, Unauthenticated
from chalicelib.domain.sso import Identity, Person
from chalicelib.domain.tenants import Tenant
from chalicelib.logs import log
from chalicelib.services import logins, passwords
from chalicelib.services.login_delays import Guard
from chalicelib.services.sessions import Caller
from chalicelib.store import identities as identity_store
from chalicelib.store import tenants as tenant_store
from chalicelib.store import tokens as token_store

MAX_IDENTITIES = 10


def list_identities(tenant_id: str) -> list[Identity]:
    """Return the logins at providers that open this tenant, the first one linked first."""
    return identity_store.list_of_tenant(tenant_id)


def link(person: Person, tenant_id: str, random: Callable[[int], bytes], now: datetime) -> Identity:
    """Let a provider's person log in as this tenant from now on, and return the identity; linked already is fine.

    Raise Conflict if the person is linked to another account, or the tenant has ten already.
    """
    before = identity_store.find(person.issuer, person.subject)
    if before and before.tenant_id == tenant_id:
        return before
    if len(identity_store.list_of_tenant(tenant_id)) >= MAX_IDENTITIES:
        raise Conflict(f"{MAX_IDENTITIES} logins are linked to this account already; unlink one first", code="limit_reached")
    identity = Identity(
        identity_id=identity_store.ID_PREFIX + ids.ulid_from(now, random(10)),
        tenant_id=tenant_id,
        provider=person.provider,
        issuer=person.issuer,
        subject=person.subject,
        email=person.email,
        linked_at=now,
    )
    identity_store.link(identity)
    return identity


def unlink(caller: Caller, identity_id: str) -> Identity:
    """Take one of the caller's ways in away, and return what it was. Raise NotFound, or Conflict if it is the last one."""
    found = [identity for identity in identity_store.list_of_tenant(caller.tenant_id) if identity.identity_id == identity_id]
    if not found:
        raise NotFound(f"no identity {identity_id!r}")
    identity_store.unlink(found[0])
    return found[0]


def swear_off_password(tenant: Tenant, random: Callable[[int], bytes], now: datetime) -> str:
    """Let the tenant log in through its providers only, and return the code that opens one session without them.

    The code made before is dead. Raise Conflict if no provider is linked.
    """
    identity_store.set_sso_only(tenant.tenant_id, is_sso_only=True)
    _forget_codes(tenant.tenant_id)
    plain = tokens.mint("break_glass", random(32))
    token_store.save(
        Credential(
            digest=tokens.digest(plain),
            kind="break_glass",
            tenant_id=tenant.tenant_id,
            token_id="bg-" + ids.ulid_from(now, random(10)),
            owner=tenant.tenant_id,
            name="break glass",
            created_at=now,
            max_uses=1,
        )
    )
    return plain


def allow_password(tenant: Tenant) -> None:
    """Let the tenant log in by password again, if it has one."""
    identity_store.set_sso_only(tenant.tenant_id, is_sso_only=False)
    _forget_codes(tenant.tenant_id)


def prove_with_code(guard: Guard, username: str, password: str, code: str, now: datetime) -> Tenant:
    """Use a tenant's break-glass code up, and return the tenant. password: empty for an account without one.

    Raise Unauthenticated, the same whatever is wrong, TooManyRequests after too many of them, or Forbidden, with the code
    unused, if the account is not active.
    """
    guard.begin(now)
    tenant = tenant_store.find(username)
    is_right = passwords.is_right(password, tenant.password_hash if tenant and tenant.password_hash else None)
    credential = token_store.find(tokens.digest(code)) if tokens.kind_of(code) == "break_glass" else None
    is_own = credential is not None and credential.kind == "break_glass" and credential.tenant_id == username
    if tenant is None or credential is None or not is_own or not (is_right or not tenant.password_hash):
        guard.failed(now)
        raise Unauthenticated("username, password or code is wrong")
    logins.refuse_inactive(tenant)
    token_store.spend(credential, now)
    guard.succeeded(now)
    log.warning("break-glass code used", extra={"tenant_id": tenant.tenant_id})
    return tenant


def _forget_codes(tenant_id: str) -> None:
    for credential in token_store.list_of_tenant(tenant_id, "break_glass"):
        with suppress(NotFound):
            token_store.delete(credential.digest)
