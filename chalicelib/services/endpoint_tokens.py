"""Rotation of an endpoint's token.

As with sessions, a token has one successor, derived from it with our key: an agent whose answer was lost, or that died before
it could write the new token down, asks again with the old one and gets the very same new one. At most two tokens are in force.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.domain import tokens
from chalicelib.domain.credentials import Credential
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import Conflict, Gone, NotFound, Unauthenticated
from chalicelib.services import endpoints
from chalicelib.services.sessions import Caller
from chalicelib.store import endpoint_tokens
from chalicelib.store import endpoints as endpoint_store
from chalicelib.store import tokens as token_store

# An agent has so long to write the new token down, and its other processes to notice.
OLD_ONE_LIVES = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Rotated:
    token: str
    previous_valid_until: datetime


def rotate(keys: Mapping[str, bytes], caller: Caller, endpoint_id: str, token: str, now: datetime) -> Rotated:
    """Return the token that follows `token`, the caller's own, and until when that one is good still.

    keys: id -> key, the last one makes successors. Raise Forbidden for another endpoint's id, Unauthenticated if the token was
    replaced or the endpoint revoked meanwhile, Gone if it was deleted.
    """
    endpoints.refuse_other(caller, endpoint_id)
    spent = caller.credential
    assert spent is not None  # noqa: S101 - an endpoint has no other credential
    endpoint = _load(caller.tenant_id, endpoint_id)
    plain, is_kept = _successor(keys, token)
    if spent.digest == endpoint.token_digest:
        _put(endpoint, spent, plain, is_kept=is_kept, now=now)
    elif endpoint.token_digest != tokens.digest(plain):
        raise Unauthenticated("this token was replaced by another one; enroll this machine again")
    return Rotated(plain, _expire(spent, now))


def _load(tenant_id: str, endpoint_id: str) -> Endpoint:
    endpoint = endpoint_store.find(tenant_id, endpoint_id, is_consistent=True)
    if endpoint is None:
        raise Gone(f"endpoint {endpoint_id} has been deleted", code="endpoint_gone")
    if endpoint.is_revoked:
        raise Unauthenticated(f"endpoint {endpoint_id} has been revoked", code="endpoint_revoked")
    return endpoint


def _successor(keys: Mapping[str, bytes], token: str) -> tuple[str, bool]:
    """Return the successor and whether it is kept already, maybe made with a key that no longer signs."""
    made = [tokens.successor(token, "endpoint", key) for key in reversed(list(keys.values()))]
    kept = [plain for plain in made if token_store.find(tokens.digest(plain))]
    return (kept or made)[0], bool(kept)


def _put(endpoint: Endpoint, spent: Credential, plain: str, *, is_kept: bool, now: datetime) -> None:
    digest = tokens.digest(plain)
    if not is_kept:
        with suppress(Conflict):  # a twin of this request was faster, with the same successor
            token_store.save(replace(spent, digest=digest, token_id=f"ep-{digest[:26]}", created_at=now, expires_at=None))
    try:
        endpoint_tokens.put_successor(endpoint, digest)
    except Conflict:
        current = _load(endpoint.tenant_id, endpoint.endpoint_id)
        if current.token_digest != digest:
            token_store.delete(digest)
            raise Unauthenticated("this machine was enrolled again at the same moment") from None
    # Whoever rotates this token has it, so nobody needs the one before any more.
    if endpoint.previous_token_digest:
        token_store.delete(endpoint.previous_token_digest)


def _expire(spent: Credential, now: datetime) -> datetime:
    if spent.expires_at:
        return spent.expires_at
    until = now + OLD_ONE_LIVES
    with suppress(NotFound):  # revoked at the same moment
        token_store.amend(spent, replace(spent, expires_at=until))
    return until
