"""Mails: asked for during a request, written and sent later by a worker, so that no request waits or fails for one.

A request only says which mail; links are made when it is written, so that no token lies in a queue, and whether there is such
an account shows in nothing that the person who asks can see or measure.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import urlencode

from chalicelib import templating
from chalicelib.domain.errors import Stalled, Unavailable
from chalicelib.domain.tenants import Tenant
from chalicelib.domain.verification import Purpose
from chalicelib.logs import log
from chalicelib.notify.mail import Mail, Mailer
from chalicelib.store import counters as counter_store
from chalicelib.store import tenants as tenant_store

Kind = Literal["verify", "welcome", "reset", "password_changed", "change_email", "email_changed", "ways_in_changed"]
Put = Callable[[str], None]

SUBJECTS: dict[Kind, str] = {
    "verify": "Confirm your address",
    "welcome": "Welcome to Crontopus",
    "reset": "Choose a new password",
    "password_changed": "Your password was changed",
    "change_email": "Confirm your new address",
    "email_changed": "The address of your account was changed",
    "ways_in_changed": "How your account is opened was changed",
}
# kind -> what its link is for, and the page it opens.
_LINKS: dict[Kind, tuple[Purpose, str]] = {
    "verify": ("register", "verify-email"),
    "reset": ("reset", "reset-password"),
    "change_email": ("change", "change-email"),
}
# A stranger who knows an address must not fill its mailbox.
MAX_LINKS_AN_HOUR = 3


@dataclass(frozen=True, slots=True)
class Wish:
    """A mail that was asked for. It names an account by its id; by its address where a stranger asked, who has nothing else.

    email: of change_email the new address, of email_changed the one before.
    """

    kind: Kind
    tenant_id: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Office:
    """What writing and sending needs. issue: makes the token of a link; repository_url: of a tenant's id."""

    mailer: Mailer
    public_url: str
    repository_url: Callable[[str], str]
    issue: Callable[[Tenant, Purpose, str, datetime], str]


def ask(put: Put, wish: Wish) -> None:
    """Ask for a mail. If the queue does not answer, that is logged and nothing else: the request goes on."""
    try:
        put(json.dumps(asdict(wish)))
    except Unavailable:
        log.error("mail not asked for", extra={"mail": wish.kind, "tenant_id": wish.tenant_id})


def deliver(office: Office, text: str, now: datetime) -> str:
    """Write and send the mail of one message, and return what was done: sent, nobody, enough or refused.

    Raise Unavailable if it should be tried again.
    """
    wish = Wish(**json.loads(text))
    tenant = tenant_store.find(wish.tenant_id) if wish.tenant_id else tenant_store.find_by_email(wish.email)
    kind = _due(wish.kind, tenant)
    if tenant is None or kind is None:
        return "nobody"
    if kind in _LINKS and _is_enough(kind, tenant, now):
        return "enough"
    try:
        return _send(office, wish, kind, tenant, now)
    except Unavailable:
        if kind in _LINKS:
            # The next try is the same mail.
            counter_store.take_back(_links_key(kind, tenant, now), 1)
        raise


def _send(office: Office, wish: Wish, kind: Kind, tenant: Tenant, now: datetime) -> str:
    to = wish.email if kind in ("change_email", "email_changed") else tenant.email
    try:
        office.mailer.send(_written(office, kind, tenant, to, now), now)
    except Stalled as e:
        log.error("mail refused", extra={"mail": kind, "tenant_id": tenant.tenant_id, "why": e.message})
        return "refused"
    return "sent"


def _due(kind: Kind, tenant: Tenant | None) -> Kind | None:
    """Return which mail this account gets when that one is asked for, or None."""
    if tenant is None or tenant.state == "suspended":
        return None
    if kind == "verify":
        return None if tenant.email_verified_at else kind
    if kind == "reset" and tenant.is_sso_only:
        return None  # a password would open nothing
    if kind == "reset" and tenant.state != "active":
        return "verify" if tenant.state == "unverified" else None
    return kind


def _is_enough(kind: Kind, tenant: Tenant, now: datetime) -> bool:
    return counter_store.add(_links_key(kind, tenant, now), 1, MAX_LINKS_AN_HOUR, now + timedelta(hours=2)) is None


def _links_key(kind: Kind, tenant: Tenant, now: datetime) -> str:
    return f"mail-{kind}#{tenant.tenant_id}#{now:%Y-%m-%dT%H}"


def _written(office: Office, kind: Kind, tenant: Tenant, to: str, now: datetime) -> Mail:
    values = {
        "subject": SUBJECTS[kind],
        "username": tenant.username,
        "public_url": office.public_url,
        "repository_url": office.repository_url(tenant.tenant_id),
        "at": f"{now.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
        "new_email": _shortened(tenant.email),
        "link": _link(office, kind, tenant, to, now),
    }
    text, html = (templating.render(f"mails/{kind}.{form}", **values) for form in ("txt", "html"))
    return Mail(to, SUBJECTS[kind], text, html)


def _link(office: Office, kind: Kind, tenant: Tenant, to: str, now: datetime) -> str:
    if kind not in _LINKS:
        return ""
    purpose, page = _LINKS[kind]
    query = urlencode({"account": tenant.tenant_id, "token": office.issue(tenant, purpose, to, now)})
    return f"{office.public_url}/api/pages/{page}?{query}"


def _shortened(email: str) -> str:
    """Return enough of an address to know it again, and not enough to write to it."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}…@{domain}"
