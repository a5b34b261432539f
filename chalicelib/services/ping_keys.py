"""Ping keys: what stands in a ping URL before a job's name. Whoever has one can ping every job of the tenant, and no more."""

import base64
from collections.abc import Callable
from datetime import datetime

from chalicelib.domain import ids, tokens
from chalicelib.domain.credentials import ID_PREFIX, Credential
from chalicelib.domain.errors import Conflict
from chalicelib.logs import log
from chalicelib.services.sessions import Caller
from chalicelib.store import tokens as token_store

MAX_KEYS = 20
KEY_BYTES = 16


def create(caller: Caller, name: str, random: Callable[[int], bytes], now: datetime) -> tuple[Credential, str]:
    """Return a new ping key and its plain text, 22 characters, which nobody can show again. Raise Conflict if there are 20."""
    if len(list_keys(caller)) >= MAX_KEYS:
        raise Conflict(f"there are {MAX_KEYS} ping keys already; revoke one that is not used any more", code="limit_reached")
    plain = base64.urlsafe_b64encode(random(KEY_BYTES)).decode().rstrip("=")
    credential = Credential(
        digest=tokens.digest(plain),
        kind="ping",
        tenant_id=caller.tenant_id,
        token_id=ID_PREFIX["ping"] + ids.ulid_from(now, random(10)),
        owner=caller.name,
        name=name,
        created_at=now,
        last4=plain[-4:],
    )
    token_store.save(credential)
    log.info("ping key created", extra={"tenant_id": caller.tenant_id, "caller": caller.name, "token_id": credential.token_id})
    return credential, plain


def list_keys(caller: Caller) -> list[Credential]:
    """Return the tenant's ping keys, newest first."""
    return token_store.list_of_tenant(caller.tenant_id, "ping")


def revoke(caller: Caller, key_id: str) -> None:
    """Make a ping key worthless from the next request on. Raise NotFound if the tenant has none of this id."""
    token_store.delete_of_tenant(caller.tenant_id, "ping", key_id)
    log.info("ping key revoked", extra={"tenant_id": caller.tenant_id, "caller": caller.name, "token_id": key_id})
