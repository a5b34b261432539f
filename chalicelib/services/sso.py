"""Single sign-on: to the provider, back from it, and what follows.

A login is bound to the browser that began it: `state` names the digest of its cookie, and nonce and PKCE verifier are derived
from the cookie itself, so that nothing secret is stored and nobody else can bring the answer home.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from chalicelib.domain import ids, sso, tokens
from chalicelib.domain.credentials import Credential
from chalicelib.domain.errors import Forbidden, NotFound, Unauthenticated
from chalicelib.domain.sso import Person, Provider
from chalicelib.domain.tenants import Tenant
from chalicelib.providers.base import IdentityProvider
from chalicelib.services import doors, identities, logins, tickets
from chalicelib.services.logins import Session, Signer
from chalicelib.store import identities as identity_store
from chalicelib.store import tenants as tenant_store
from chalicelib.store import tokens as token_store

# As long as a page needs to load.
HANDOVER_LIFE = timedelta(seconds=60)

Purpose = Literal["login", "link", "device"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a login at a provider is for. next: where to go then. tenant_id: to link to. user_code: of a device login."""

    purpose: Purpose
    next: str = "/"
    tenant_id: str = ""
    user_code: str = ""


@dataclass(frozen=True, slots=True)
class Returned:
    """What the provider's redirect brings along; None is what it left out."""

    state: str | None
    code: str | None
    error: str | None
    issuer: str | None


@dataclass(frozen=True, slots=True)
class Arrived:
    """Somebody is back. tenant: as whom they may log in, None for a newcomer, who may `then` register or confirm."""

    wish: Wish
    person: Person
    tenant: Tenant | None
    then: sso.Newcomer | None = None


def providers() -> tuple[Provider, ...]:
    """Return the providers of this deployment, as the login page shows them."""
    return tuple(client.provider for client in doors.identity_providers().values())


def begin(signer: Signer, name: str, wish: Wish, browser: str, callback: Callable[[str], str], now: datetime) -> str:
    """Return the provider's address to send the browser to. browser: its cookie. Raise NotFound, Unavailable or Invalid.

    callback: from a provider's name to where it sends people back.
    """
    sso.safe_next(wish.next)
    client = _client(name)
    login_id = ids.ulid_from(now, signer.random(10))
    facts = {
        "provider": name,
        "browser": _digest(browser),
        "id": login_id,
        "purpose": wish.purpose,
        "next": wish.next,
        "tenant_id": wish.tenant_id,
        "user_code": wish.user_code,
    }
    state = tickets.write("sso-state", facts, signer.keys, now)
    challenge = sso.challenge(sso.derived(browser, login_id, "verifier"))
    return client.authorization_url(callback(name), state, sso.derived(browser, login_id, "nonce"), challenge)


def arrive(
    signer: Signer, name: str, returned: Returned, browser: str | None, callback: Callable[[str], str], now: datetime
) -> Arrived:
    """Return who is back from the provider. browser: its cookie, None without one.

    Raise Forbidden if the answer belongs to another browser, login or provider, is not believed, or the provider said no.
    """
    client = _client(name)
    facts = _state(signer.keys, name, returned, browser, now)
    client.refuse_mix_up(returned.issuer)
    if returned.error or not returned.code or not browser:
        words = "the login was cancelled" if returned.error == "access_denied" else "the provider did not let you log in"
        raise Forbidden(f"{words}; start again", code="sso_denied")
    verifier, nonce = (sso.derived(browser, facts["id"], what) for what in ("verifier", "nonce"))
    secret = doors.vault().secret().sso.get(name, "")
    person = client.person(returned.code, callback(name), verifier, nonce, secret, now)
    purpose: Purpose = "link" if facts["purpose"] == "link" else "device" if facts["purpose"] == "device" else "login"
    wish = Wish(purpose, facts["next"], facts["tenant_id"], facts["user_code"])
    return _linked(signer, wish, person, now) if purpose == "link" else _known(wish, person, now)


def _state(keys: Mapping[str, bytes], name: str, returned: Returned, browser: str | None, now: datetime) -> Mapping[str, str]:
    facts = tickets.read("sso-state", returned.state or "", keys, now)
    is_same = hmac.compare_digest(facts["browser"], _digest(browser or ""))
    if not browser or not is_same or facts["provider"] != name:
        raise Forbidden("this login was begun in another browser or with another provider; start again", code="sso_state")
    return facts


def _linked(signer: Signer, wish: Wish, person: Person, now: datetime) -> Arrived:
    tenant = tenant_store.find(wish.tenant_id)
    if tenant is None:
        raise NotFound("the account is gone")
    logins.refuse_inactive(tenant)
    identities.link(person, tenant.tenant_id, signer.random, now)
    return Arrived(wish, person, tenant)


def _known(wish: Wish, person: Person, now: datetime) -> Arrived:
    identity = identity_store.find(person.issuer, person.subject)
    if identity is None:
        owner = tenant_store.find_by_email(person.email) if person.email else None
        return Arrived(wish, person, None, sso.newcomer(person, owner))
    tenant = tenant_store.find(identity.tenant_id)
    if tenant is None:
        raise NotFound("the account of this login is gone")
    if tenant.state == "registering" and not tenant.password_hash:
        return Arrived(wish, person, None, "register")
    logins.refuse_inactive(tenant)
    identity_store.note_use(identity, now)
    return Arrived(wish, person, tenant)


def hand_over(tenant_id: str, browser: str, random: Callable[[int], bytes], now: datetime) -> str:
    """Return a code that this browser, within a minute and once, exchanges for a session of this tenant."""
    plain = tokens.mint("handover", random(32))
    credential = Credential(
        digest=tokens.digest(plain),
        kind="handover",
        tenant_id=tenant_id,
        token_id="ho-" + ids.ulid_from(now, random(10)),
        owner=_digest(browser),
        name="handover",
        created_at=now,
        expires_at=now + HANDOVER_LIFE,
        max_uses=1,
    )
    token_store.save(credential)
    return plain


def exchange(signer: Signer, code: str, browser: str | None, client: str, now: datetime) -> tuple[Tenant, Session]:
    """Return the tenant of a handover code and a new session.

    Raise Unauthenticated unless the code is good, unused and this browser's.
    """
    credential = token_store.find(tokens.digest(code)) if tokens.kind_of(code) == "handover" else None
    is_good = credential is not None and credential.kind == "handover" and credential.is_in_force(now)
    if credential is None or not is_good or not hmac.compare_digest(credential.owner, _digest(browser or "")):
        raise Unauthenticated("this code is unknown, was used, has expired or belongs to another browser; log in again")
    token_store.spend(credential, now)
    tenant = tenant_store.find(credential.tenant_id)
    if tenant is None:
        raise Unauthenticated("the account is gone")
    return tenant, logins.begin(signer, tenant, client, now)


def _client(name: str) -> IdentityProvider:
    client = doors.identity_providers().get(name)
    if client is None:
        known = ", ".join(doors.identity_providers()) or "none is configured"
        raise NotFound(f"no provider {name!r}; there are: {known}")
    return client


def _digest(browser: str) -> str:
    return hashlib.sha256(browser.encode()).hexdigest()
