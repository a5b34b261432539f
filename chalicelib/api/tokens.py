"""Routes of API tokens."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from chalicelib.api.auth import Empty
from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.domain.credentials import Credential
from chalicelib.domain.errors import Invalid
from chalicelib.domain.scopes import SCOPES, Scope
from chalicelib.services import api_tokens
from chalicelib.services.api_tokens import Life

bp = ApiBlueprint(__name__)

Days = Literal[90, 365, "never"]
# An older word for the same.
ScopeIn = Annotated[Scope, BeforeValidator(lambda given: "read:endpoints" if given == "read:agents" else given)]


class ApiTokenIn(Model):
    name: str = Field(min_length=1, max_length=100)
    scopes: list[ScopeIn] = Field(min_length=1, max_length=len(SCOPES))
    expires_in_days: Days = 90


class ApiTokenChange(Model):
    """What is left out stays. The days count from now on."""

    name: str | None = Field(default=None, min_length=1, max_length=100)
    expires_in_days: Days | None = None


class ApiTokenOut(Model):
    id: str
    name: str
    scopes: list[Scope]
    last4: str
    created_at: Moment
    created_ip: str | None
    expires_at: Moment | None
    last_used_at: Moment | None
    last_used_ip: str | None


class ApiTokenAnswer(Model):
    token: ApiTokenOut


class ApiTokenMade(Model):
    token: ApiTokenOut
    plain_text: str


class ApiTokenList(Model):
    tokens: list[ApiTokenOut]
    next: None = None


@bp.api(
    "POST",
    "/api/tokens",
    auth="user",
    scope="admin:tokens",
    body=ApiTokenIn,
    returns=ApiTokenMade,
    status=201,
    audit="token.created",
)
def create_token(ask: Ask) -> ApiTokenMade:
    """Make an API token with some or all of the caller's scopes; its plain text is shown this once."""
    body: ApiTokenIn = ask.body
    life = _life(body.expires_in_days)
    made, plain = api_tokens.create(ask.known_caller, body.name, body.scopes, life, secrets.token_bytes, datetime.now(UTC))
    return ApiTokenMade(token=_out(made), plain_text=plain)


@bp.api("GET", "/api/tokens", auth="user", scope="admin:tokens", returns=ApiTokenList)
def list_tokens(ask: Ask) -> ApiTokenList:
    """List the API tokens; last_used_at is right to a quarter of an hour."""
    return ApiTokenList(tokens=[_out(found) for found in api_tokens.list_tokens(ask.known_caller)])


@bp.api(
    "PATCH",
    "/api/tokens/{token_id}",
    auth="user",
    scope="admin:tokens",
    body=ApiTokenChange,
    returns=ApiTokenAnswer,
    audit="token.changed",
)
def change_token(ask: Ask, token_id: str) -> ApiTokenAnswer:
    """Change an API token's name or expiry; its scopes stay as they are."""
    body: ApiTokenChange = ask.body
    if body.name is None and body.expires_in_days is None:
        raise Invalid.of({"name": "give this or expires_in_days"})
    life = _life(body.expires_in_days) if body.expires_in_days else None
    wanted = api_tokens.Change(body.name, life)
    return ApiTokenAnswer(token=_out(api_tokens.change(ask.known_caller, token_id, wanted, datetime.now(UTC))))


@bp.api("DELETE", "/api/tokens/{token_id}", auth="user", scope="admin:tokens", returns=Empty, audit="token.revoked")
def revoke_token(ask: Ask, token_id: str) -> Empty:
    """Revoke an API token; it is dead from the next request on."""
    api_tokens.revoke(ask.known_caller, token_id)
    return Empty()


def _life(days: Days) -> Life:
    return "never" if days == "never" else timedelta(days=days)


def _out(token: Credential) -> ApiTokenOut:
    return ApiTokenOut(
        id=token.token_id,
        name=token.name,
        scopes=sorted(token.scopes),
        last4=token.last4,
        created_at=token.created_at,
        created_ip=token.created_ip or None,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
        last_used_ip=token.last_used_ip or None,
    )
