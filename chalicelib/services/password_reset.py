"""A forgotten password: asking for a link, and a new password by it."""

from datetime import datetime

from chalicelib.domain.errors import Forbidden
from chalicelib.services import login_delays, mails, passwords, verification
from chalicelib.services.mails import Put, Wish
from chalicelib.store import tenants as tenant_store
from chalicelib.store import tokens as token_store


def ask(put: Put, email: str) -> None:
    """Ask for a link for the account with this address, if there is one. Nobody is told whether."""
    mails.ask(put, Wish("reset", email=email))


def reset(put: Put, tenant_id: str, token: str, new: str, address: str, now: datetime) -> None:
    """Set a new password by a link, end all sessions and say so by mail. Nobody is logged in by that.

    A password that will not do leaves the link good. Raise Forbidden for a dead link, Invalid naming new_password.
    """
    verification.check(tenant_id, "reset", token, now)
    tenant = tenant_store.find(tenant_id)
    if tenant is None:
        raise Forbidden(verification.DEAD, code="link_dead")
    new_hash = passwords.hash_new(new, username=tenant.username, email=tenant.email, field="new_password")
    tenant, _ = verification.take(tenant_id, "reset", token, now)
    tenant_store.reset_password(tenant, new_hash, now)
    token_store.delete_all(tenant_id, "refresh")
    login_delays.forgive(tenant.username, address, now)
    mails.ask(put, Wish("password_changed", tenant_id))
