"""Newcomers from a provider: they open an account, or show once that they own the one with their address."""

from collections.abc import Callable
from datetime import datetime

from chalicelib.domain import ids, names, sso, tenants
from chalicelib.domain.errors import Forbidden, Invalid
from chalicelib.domain.sso import Person
from chalicelib.domain.tenants import Tenant
from chalicelib.services import identities, logins, registration
from chalicelib.services.login_delays import Guard
from chalicelib.store import tenants as tenant_store


def register(doors: registration.Doors, person: Person, username: str, now: datetime) -> Tenant:
    """Return the new, active tenant of this person, who has no password. The same call again goes on where it stopped.

    Raise Invalid or Conflict naming the field, Forbidden if the address is not proved, Unavailable if the forge is down.
    """
    if problem := names.username_problem(username):
        raise Invalid.of({"username": problem})
    if not person.email or not person.is_email_verified:
        raise sso.untrusted("your address is not confirmed")
    tenant = _resumable(username, person) or _reserve(username, person.email, doors.random, now)
    identities.link(person, tenant.tenant_id, doors.random, now)
    if tenant.state == "registering":
        registration.complete(doors, tenant, "active")
    registered = tenant_store.find(username)
    assert registered is not None  # noqa: S101 - nothing deletes a tenant
    return registered


def _resumable(username: str, person: Person) -> Tenant | None:
    """Return what this person began: the address is proved, and without a password nobody else can have."""
    tenant = tenant_store.find(username)
    if tenant is None or tenant.state != "registering" or tenant.password_hash:
        return None
    return tenant if tenants.email_digest(tenant.email) == tenants.email_digest(person.email or "") else None


def _reserve(username: str, email: str, random: Callable[[int], bytes], now: datetime) -> Tenant:
    tenant = Tenant(
        tenant_id=username,
        username=username,
        email=email,
        password_hash="",
        state="registering",
        setup_step=0,
        forge_login="t-" + ids.ulid_from(now, random(10)),
        forge_credential=None,
        created_at=now,
        email_verified_at=now,
    )
    tenant_store.reserve(tenant)
    return tenant


def confirm(
    make_guard: Callable[[str], Guard], person: Person, password: str, random: Callable[[int], bytes], now: datetime
) -> Tenant:
    """Link this person to the account with the same address, whose password this is, and return the account.

    make_guard: from a username to what watches its logins. Raise Unauthenticated, TooManyRequests, or Forbidden if the account
    is not active or its address changed meanwhile.
    """
    owner = tenant_store.find_by_email(person.email) if person.email else None
    if sso.newcomer(person, owner) != "confirm" or owner is None:
        raise Forbidden("the account with your address has changed meanwhile; start again")
    tenant = logins.prove(make_guard(owner.username), owner.username, password, now)
    logins.refuse_inactive(tenant)
    identities.link(person, tenant.tenant_id, random, now)
    return tenant
