"""Proving who reads an address: links are made here, and used up."""

import hmac
from collections.abc import Callable
from datetime import datetime

from chalicelib.domain import tokens
from chalicelib.domain.errors import Conflict, Forbidden, Invalid, Unavailable
from chalicelib.domain.tenants import Tenant, email_digest
from chalicelib.domain.verification import LIFE, Purpose, Verification
from chalicelib.services import mails, passwords, registration, sessions
from chalicelib.services.mails import Put, Wish
from chalicelib.services.sessions import Caller
from chalicelib.store import tenants as tenant_store
from chalicelib.store import verifications

DEAD = "this link has been used, is too old, or a newer one was sent; ask for another"


def issue(tenant: Tenant, purpose: Purpose, email: str, random: Callable[[int], bytes], now: datetime) -> str:
    """Return a new token for a link, good once; the tenant's link before for this purpose is worthless from now on."""
    plain = tokens.mint("verification", random(32))
    verifications.put(Verification(tenant.tenant_id, purpose, tokens.digest(plain), email, now + LIFE[purpose]))
    return plain


def check(tenant_id: str, purpose: Purpose, token: str, now: datetime) -> Verification:
    """Return the link that this token belongs to, without using it up. Raise Forbidden if it is not good (any more)."""
    is_ours = tokens.kind_of(token) == "verification"
    found = verifications.find(tenant_id, purpose) if is_ours and tenant_id else None
    if found is None or not hmac.compare_digest(found.digest, tokens.digest(token)) or now >= found.expires_at:
        raise Forbidden(DEAD, code="link_dead")
    return found


def take(tenant_id: str, purpose: Purpose, token: str, now: datetime) -> tuple[Tenant, Verification]:
    """Use a link up and return whose it was. Raise Forbidden if it is not good (any more), however many try at once."""
    link = check(tenant_id, purpose, token, now)
    tenant = tenant_store.find(tenant_id)
    if tenant is None or tenant.state == "suspended" or not verifications.take(link, now):
        raise Forbidden(DEAD, code="link_dead")
    return tenant, link


def confirm_registration(doors: registration.Doors, put: Put, tenant_id: str, token: str, now: datetime) -> None:
    """Prove the address of an account and, where it waited for that, complete the account.

    Raise Forbidden for a dead link, Unavailable if the forge is down: then the same link, later, works.
    """
    tenant, link = take(tenant_id, "register", token, now)
    if email_digest(tenant.email) != email_digest(link.email):
        raise Forbidden(DEAD, code="link_dead")
    try:
        if tenant.state == "unverified":
            registration.complete(doors, tenant, tenant.state)
        tenant_store.prove_email(tenant, "active" if tenant.state == "unverified" else tenant.state, now)
    except Unavailable:
        verifications.put(link)
        raise
    mails.ask(put, Wish("welcome", tenant.tenant_id))


def ask_again(put: Put, email: str) -> None:
    """Ask for another link for the account with this address, if there is one that needs it. Nobody is told whether."""
    mails.ask(put, Wish("verify", email=email))


def ask_for_change(caller: Caller, put: Put, password: str, email: str) -> None:
    """Send a link to the address that is to replace the caller's.

    Raise Invalid for a wrong password, Conflict if somebody has that address.
    """
    tenant = sessions.account(caller)
    if not passwords.is_right(password, tenant.password_hash):
        raise Invalid.of({"password": "is wrong"})
    owner = tenant_store.find_by_email(email)
    if owner is not None and owner.tenant_id != tenant.tenant_id:
        problems = {"email": "belongs to an account already; use another address"}
        raise Conflict("email already in use", problems=problems)
    mails.ask(put, Wish("change_email", tenant.tenant_id, email))


def confirm_change(put: Put, tenant_id: str, token: str, now: datetime) -> None:
    """Let a proved address replace the tenant's, and tell the one before. Raise Forbidden or Conflict."""
    tenant, link = take(tenant_id, "change", token, now)
    tenant_store.change_email(tenant, link.email, now)
    mails.ask(put, Wish("email_changed", tenant.tenant_id, tenant.email))
