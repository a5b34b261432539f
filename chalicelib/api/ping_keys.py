"""Routes of ping keys."""

import secrets
from datetime import UTC, datetime

from pydantic import Field

from chalicelib.api.auth import Empty
from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.domain.credentials import Credential
from chalicelib.services import ping_keys

bp = ApiBlueprint(__name__)


class PingKeyIn(Model):
    name: str = Field(min_length=1, max_length=100)


class PingKeyOut(Model):
    id: str
    name: str
    last4: str
    created_at: Moment


class PingKeyMade(Model):
    ping_key: PingKeyOut
    plain_text: str


class PingKeyList(Model):
    ping_keys: list[PingKeyOut]
    next: None = None


@bp.api(
    "POST",
    "/api/ping-keys",
    auth="user",
    scope="admin:tokens",
    body=PingKeyIn,
    returns=PingKeyMade,
    status=201,
    audit="ping_key.created",
)
def create_ping_key(ask: Ask) -> PingKeyMade:
    """Make a key for ping URLs of the form /ping/KEY/JOB; its plain text is shown this once."""
    made, plain = ping_keys.create(ask.known_caller, ask.body.name, secrets.token_bytes, datetime.now(UTC))
    return PingKeyMade(ping_key=_out(made), plain_text=plain)


@bp.api("GET", "/api/ping-keys", auth="user", scope="admin:tokens", returns=PingKeyList)
def list_ping_keys(ask: Ask) -> PingKeyList:
    """List the ping keys."""
    return PingKeyList(ping_keys=[_out(found) for found in ping_keys.list_keys(ask.known_caller)])


@bp.api("DELETE", "/api/ping-keys/{ping_key_id}", auth="user", scope="admin:tokens", returns=Empty, audit="ping_key.revoked")
def revoke_ping_key(ask: Ask, ping_key_id: str) -> Empty:
    """Revoke a ping key; URLs with it are dead from the next request on."""
    ping_keys.revoke(ask.known_caller, ping_key_id)
    return Empty()


def _out(key: Credential) -> PingKeyOut:
    return PingKeyOut(id=key.token_id, name=key.name, last4=key.last4, created_at=key.created_at)
