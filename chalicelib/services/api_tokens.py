"""API tokens: what a script uses instead of a person's session, held to what its scopes allow."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from chalicelib.domain import ids, scopes, times, tokens
from chalicelib.domain.credentials import ID_PREFIX, Credential
from chalicelib.domain.errors import Conflict, Forbidden, Unauthenticated
from chalicelib.domain.scopes import Scope
from chalicelib.logs import log
from chalicelib.services import sessions
from chalicelib.services.sessions import Caller
from chalicelib.store import tokens as token_store

MAX_TOKENS = 50
# How exact `last_used_at` is: an API call must not cost a write each time.
USE_IS_NOTED_EVERY = timedelta(minutes=15)

Life = timedelta | Literal["never"]


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of a token; None keeps what it has. life: counted from now."""

    name: str | None = None
    life: Life | None = None


def scopes_of(caller: Caller) -> frozenset[Scope]:
    """Return what a user's credential allows: everything for a session, its own scopes for an API token."""
    return caller.credential.scopes if caller.credential else scopes.ALL


def caller_of(token: str, address: str, now: datetime) -> Caller:
    """Return the user an API token speaks for. address: where the request comes from.

    Raise Unauthenticated if it is unknown, revoked or expired, Forbidden if the account is suspended.
    """
    credential = token_store.find(tokens.digest(token))
    if credential is None or credential.kind != "api":
        raise Unauthenticated("this token is unknown or has been revoked")
    if credential.is_suspended:
        raise sessions.suspended()
    if not credential.is_in_force(now):
        raise Unauthenticated("this token has expired; make a new one")
    stale = now - USE_IS_NOTED_EVERY
    if credential.last_used_at is None or credential.last_used_at <= stale:
        token_store.note_use(credential, now, address, unless_after=stale)
    return Caller("user", credential.tenant_id, credential.owner, credential, address=address)


def create(
    caller: Caller, name: str, wanted: Collection[Scope], life: Life, random: Callable[[int], bytes], now: datetime
) -> tuple[Credential, str]:
    """Return a new API token and its plain text, which nobody can show again.

    Raise Forbidden if it would have a scope that the caller lacks, Conflict if the tenant has 50 in force.
    The index that is counted lags by a moment, so creations that race may pass the limit by as many as raced.
    """
    if lacking := scopes.missing(scopes_of(caller), wanted):
        words = f"a token cannot give what it does not hold: {', '.join(lacking)}"
        raise Forbidden("the new token would have more scopes than yours", problems={"scopes": words}, code="too_many_scopes")
    in_force = [token for token in list_tokens(caller) if token.is_in_force(now)]
    if len(in_force) >= MAX_TOKENS:
        raise Conflict(f"there are {MAX_TOKENS} API tokens already; revoke one that is not used any more", code="limit_reached")
    plain = tokens.mint("api", random(32))
    credential = Credential(
        digest=tokens.digest(plain),
        kind="api",
        tenant_id=caller.tenant_id,
        token_id=ID_PREFIX["api"] + ids.ulid_from(now, random(10)),
        owner=caller.name,
        name=name,
        created_at=now,
        expires_at=_expiry(life, now),
        scopes=frozenset(wanted),
        last4=plain[-4:],
        created_ip=caller.address,
    )
    token_store.save(credential)
    _log("API token created", caller, credential)
    return credential, plain


def list_tokens(caller: Caller) -> list[Credential]:
    """Return the tenant's API tokens, newest first; expired ones stay listed for a week."""
    return token_store.list_of_tenant(caller.tenant_id, "api")


def change(caller: Caller, token_id: str, wanted: Change, now: datetime) -> Credential:
    """Change an API token's name or expiry and return it.

    Raise NotFound if the tenant has none of this id, Forbidden if it has scopes the caller lacks, Conflict if it has expired.
    """
    before = token_store.load_of_tenant(caller.tenant_id, "api", token_id)
    if lacking := scopes.missing(scopes_of(caller), before.scopes):
        raise Forbidden(f"that token has scopes that yours lacks: {', '.join(lacking)}", code="too_many_scopes")
    if not before.is_in_force(now):
        raise Conflict(f"the API token {token_id!r} has expired; make a new one")
    after = replace(before, name=wanted.name or before.name)
    if wanted.life:
        after = replace(after, expires_at=_expiry(wanted.life, now))
    token_store.amend(before, after)
    _log("API token changed", caller, after)
    return after


def revoke(caller: Caller, token_id: str) -> None:
    """Make an API token worthless from the next request on. Raise NotFound if the tenant has none of this id."""
    credential = token_store.load_of_tenant(caller.tenant_id, "api", token_id)
    token_store.delete(credential.digest)
    _log("API token revoked", caller, credential)


def _expiry(life: Life, now: datetime) -> datetime | None:
    return None if life == "never" else now + life


def _log(event: str, caller: Caller, credential: Credential) -> None:
    log.info(
        event,
        extra={
            "tenant_id": caller.tenant_id,
            "caller": caller.name,
            "by_token_id": caller.credential.token_id if caller.credential else None,
            "token_id": credential.token_id,
            "scopes": sorted(credential.scopes),
            "expires_at": credential.expires_at and times.to_text(credential.expires_at),
        },
    )
