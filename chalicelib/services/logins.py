"""Logins: how a session begins, goes on and ends.

A session is a family of refresh tokens, each good once. Each one's successor is derived from it with our key, so that a caller
whose answer was lost can ask again for half a minute and gets the very same one. A token that comes back later than that was
copied by somebody: the whole family dies.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.domain import ids, tokens
from chalicelib.domain.credentials import Credential
from chalicelib.domain.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from chalicelib.domain.tenants import Tenant
from chalicelib.services import passwords, sessions
from chalicelib.services.login_delays import Guard
from chalicelib.services.sessions import Caller
from chalicelib.store import tenants as tenant_store
from chalicelib.store import tokens as token_store

IDLE_LIFE = timedelta(hours=12)
LONGEST_LIFE = timedelta(days=30)
# Two tabs, a double click, a lost answer.
GRACE = timedelta(seconds=30)
ENDED = "this session has ended; log in again"


@dataclass(frozen=True, slots=True)
class Session:
    """The two tokens of a session. expires_in_s: of the access token."""

    access_token: str
    refresh_token: str
    expires_in_s: int = int(sessions.ACCESS_LIFE.total_seconds())


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One session as its owner sees it. client: what it said of itself at login."""

    session_id: str
    client: str
    started_at: datetime
    refreshed_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Signer:
    """What tokens are made with. keys: id -> key, the last one signs. random: gives n bytes of randomness."""

    keys: Mapping[str, bytes]
    random: Callable[[int], bytes]


def login(signer: Signer, guard: Guard, username: str, password: str, client: str, now: datetime) -> Session:
    """Return a new session. Raise Unauthenticated, the same for an unknown user and a wrong password.

    Raise TooManyRequests after too many of them, Forbidden with the right password of an account that is not active.
    """
    tenant = prove(guard, username, password, now)
    refuse_password(tenant)
    return begin(signer, tenant, client, now)


def prove(guard: Guard, username: str, password: str, now: datetime) -> Tenant:
    """Return the tenant whose password this is, whatever its state. Raise Unauthenticated and TooManyRequests as `login`."""
    guard.begin(now)
    tenant = tenant_store.find(username)
    if not passwords.is_right(password, tenant.password_hash if tenant else None) or tenant is None:
        guard.failed(now)
        raise Unauthenticated("username or password is wrong")
    guard.succeeded(now)
    return tenant


def begin(signer: Signer, tenant: Tenant, client: str, now: datetime) -> Session:
    """Return a new session of a tenant that has shown who it is. Raise Forbidden unless the account is active."""
    refuse_inactive(tenant)
    first = _link(tenant.tenant_id, ids.ulid_from(now, signer.random(10)), client, now)
    plain = tokens.mint("refresh", signer.random(32))
    token_store.save(_named(first, plain))
    return _session(signer, first, plain, now)


def refuse_password(tenant: Tenant) -> None:
    """Raise Forbidden if the tenant has sworn passwords off. Ask only once the right one was given."""
    if tenant.is_sso_only:
        words = "this account is opened by its provider only; without it, by its break-glass code"
        raise Forbidden(words, code="sso_only")


def refuse_inactive(tenant: Tenant) -> None:
    """Raise Forbidden, saying what to do, unless the account is active. Ask only once it is sure who wants to know."""
    match tenant.state:
        case "registering":
            words = "this registration is not finished; register again with the same name and password to complete it"
            raise Forbidden(words, code="registration_unfinished")
        case "unverified":
            words = "open the link in the mail that was sent to your address first, or ask for another"
            raise Forbidden(words, code="email_not_verified")
        case "suspended":
            raise Forbidden("this account is suspended; ask the operator", code="account_suspended")


def refresh(signer: Signer, token: str, now: datetime) -> Session:
    """Return the session's next tokens; the one given is used up by that.

    Raise Unauthenticated if it is not in force. If it was used up more than half a minute ago, the session ends for everybody.
    """
    known = _find(token)
    if known is None or (known.expires_at and now >= known.expires_at):
        raise Unauthenticated(ENDED)
    if known.uses == 0:
        known = _spend(known, token, now)
    if known.last_used_at is None or now - known.last_used_at > GRACE:
        token_store.delete_family(known.tenant_id, known.family or "")
        raise Unauthenticated("this session was ended: its token was used a second time, so it may have been copied")
    return _next(signer, known, token, now)


def _spend(known: Credential, token: str, now: datetime) -> Credential:
    """Use the token up and return it as it stands then, whoever was faster."""
    with suppress(Unauthenticated):
        token_store.spend(known, now)
    spent = _find(token)
    if spent is None:
        raise Unauthenticated(ENDED)
    return spent


def _next(signer: Signer, spent: Credential, token: str, now: datetime) -> Session:
    for key in reversed(list(signer.keys.values())):
        plain = tokens.successor(token, "refresh", key)
        following = _find(plain)
        if following:
            if following.uses:
                raise Unauthenticated(ENDED)
            return _session(signer, following, plain, now)
    plain = tokens.successor(token, "refresh", list(signer.keys.values())[-1])
    following = _link(spent.tenant_id, spent.family or "", spent.name, now)
    with suppress(Conflict):  # a twin of this request was faster, with the same successor
        token_store.save(_named(following, plain))
    return _session(signer, following, plain, now)


def logout(token: str) -> str | None:
    """End a session and return whose it was, None for one that has ended already or never was."""
    known = _find(token)
    if known is None:
        return None
    token_store.delete_family(known.tenant_id, known.family or "")
    return known.tenant_id


def list_sessions(caller: Caller, now: datetime) -> list[OpenSession]:
    """Return the caller's open sessions, the one used last first."""
    links = token_store.list_of_tenant(caller.tenant_id, "refresh")
    open_links = [link for link in links if link.is_in_force(now) and link.family and link.expires_at]
    found = [
        OpenSession(link.family or "", link.name, ids.ulid_time(link.family or ""), link.created_at, link.expires_at or now)
        for link in open_links
    ]
    return sorted(found, key=lambda session: session.refreshed_at, reverse=True)


def end_session(caller: Caller, session_id: str) -> None:
    """End one of the caller's sessions. Its access token lives on for at most 15 minutes. Raise NotFound."""
    if not token_store.delete_family(caller.tenant_id, session_id):
        raise NotFound(f"no session {session_id!r}")


def change_password(caller: Caller, current: str, new: str) -> int:
    """Replace the caller's password, end all other sessions, and return how many.

    Raise Invalid if the current password is wrong or the new one will not do.
    """
    tenant = sessions.account(caller)
    if not passwords.is_right(current, tenant.password_hash):
        raise Invalid.of({"current_password": "is wrong"})
    new_hash = passwords.hash_new(new, username=tenant.username, email=tenant.email, field="new_password")
    tenant_store.change_password(tenant, new_hash)
    links = token_store.list_of_tenant(caller.tenant_id, "refresh")
    others = {link.family for link in links if link.family and link.family != caller.session_id}
    return sum(1 for family in others if token_store.delete_family(caller.tenant_id, family))


def _find(token: str) -> Credential | None:
    found = token_store.find(tokens.digest(token)) if tokens.kind_of(token) == "refresh" else None
    return found if found and found.kind == "refresh" else None


def _link(tenant_id: str, family: str, client: str, now: datetime) -> Credential:
    """Return the family's next refresh token, still without its digest."""
    return Credential(
        digest="",
        kind="refresh",
        tenant_id=tenant_id,
        token_id="",
        owner=tenant_id,
        name=client,
        created_at=now,
        expires_at=min(now + IDLE_LIFE, ids.ulid_time(family) + LONGEST_LIFE),
        max_uses=1,
        family=family,
    )


def _named(link: Credential, plain: str) -> Credential:
    digest = tokens.digest(plain)
    return replace(link, digest=digest, token_id=f"rt-{link.family}-{digest[:16]}")


def _session(signer: Signer, link: Credential, plain: str, now: datetime) -> Session:
    return Session(sessions.access_token(link.tenant_id, link.family or "", signer.keys, now), plain)
