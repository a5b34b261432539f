"""Sessions: login, refresh, logout, and who a token speaks for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import jwt

from chalicelib.domain import ids, tokens
from chalicelib.domain.credentials import Credential
from chalicelib.domain.errors import Forbidden, Unauthenticated
from chalicelib.domain.tenants import Tenant
from chalicelib.services import passwords
from chalicelib.store import tenants as tenant_store
from chalicelib.store import tokens as token_store

ACCESS_LIFE = timedelta(minutes=15)
REFRESH_LIFE = timedelta(days=30)
ISSUER = "crontopus"
AUDIENCE = "crontopus-api"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. The tenant comes from the credential and from nowhere else.

    name: username of a user or holder of an enrollment token, the endpoint's id for an endpoint.
    """

    kind: Literal["user", "endpoint", "enroll"]
    tenant_id: str
    name: str
    credential: Credential | None = None


@dataclass(frozen=True, slots=True)
class Session:
    access_token: str
    refresh_token: str
    expires_in_s: int = int(ACCESS_LIFE.total_seconds())


def login(username: str, password: str, keys: Mapping[str, bytes], random: Callable[[int], bytes], now: datetime) -> Session:
    """Return a new session. Raise Unauthenticated, the same for an unknown user and a wrong password."""
    tenant = tenant_store.find(username)
    if not passwords.is_right(password, tenant.password_hash if tenant else None) or tenant is None:
        raise Unauthenticated("username or password is wrong")
    if tenant.state == "registering":
        raise Forbidden("this registration is not finished; register again with the same name and password to complete it")
    if tenant.state != "active":
        raise Forbidden("this account is suspended; ask the operator")
    family = ids.ulid_from(now, random(10))
    return _session(tenant.tenant_id, family, keys, random, now)


def refresh(token: str, keys: Mapping[str, bytes], random: Callable[[int], bytes], now: datetime) -> Session:
    """Return a new session for a refresh token, which is used up by that. Raise Unauthenticated if it is not in force."""
    credential = _refresh_credential(token)
    if credential is None or not credential.is_in_force(now):
        raise Unauthenticated("this session has ended; log in again")
    token_store.spend(credential, now)
    return _session(credential.tenant_id, credential.family or "", keys, random, now)


def logout(token: str) -> None:
    """End a session; one that has ended already, or never was, stays ended."""
    credential = _refresh_credential(token)
    if credential:
        token_store.delete(credential.digest)


def _refresh_credential(token: str) -> Credential | None:
    return token_store.find(tokens.digest(token)) if tokens.kind_of(token) == "refresh" else None


def _session(tenant_id: str, family: str, keys: Mapping[str, bytes], random: Callable[[int], bytes], now: datetime) -> Session:
    refresh_token = tokens.mint("refresh", random(32))
    token_store.save(
        Credential(
            digest=tokens.digest(refresh_token),
            kind="refresh",
            tenant_id=tenant_id,
            token_id=ids.ulid_from(now, random(10)),
            owner=tenant_id,
            name="session",
            created_at=now,
            expires_at=now + REFRESH_LIFE,
            max_uses=1,
            family=family,
        )
    )
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": tenant_id, "sid": family, "iat": now, "exp": now + ACCESS_LIFE}
    kid = list(keys)[-1]
    return Session(jwt.encode(claims, keys[kid], algorithm="HS256", headers={"kid": kid, "typ": "at+jwt"}), refresh_token)


def caller_of_jwt(token: str, keys: Mapping[str, bytes], now: datetime) -> Caller:
    """Return the user an access token speaks for. Raise Unauthenticated if it is forged, foreign or expired."""
    try:
        header = jwt.get_unverified_header(token)
        key = keys.get(str(header.get("kid")))
        if key is None or header.get("typ") != "at+jwt":
            raise Unauthenticated("this access token is not one of ours")
        claims = jwt.decode(
            token,
            key,
            algorithms=["HS256"],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={"require": ["exp", "iat", "sub"], "verify_exp": False, "verify_iat": False},
        )
    except jwt.PyJWTError as e:
        raise Unauthenticated("this access token is not valid; log in again") from e
    # By our clock argument, not by the library's: expiry is testable, and there is one notion of now.
    if now.timestamp() >= float(claims["exp"]):
        raise Unauthenticated("this access token has expired; refresh it or log in again", code="token_expired")
    return Caller("user", str(claims["sub"]), str(claims["sub"]))


def caller_of_token(token: str, now: datetime) -> Caller:
    """Return the endpoint or enrollment-token holder a stored token speaks for. Raise Unauthenticated if not in force."""
    kind = tokens.kind_of(token)
    credential = token_store.find(tokens.digest(token)) if kind in ("endpoint", "enrollment") else None
    if credential is None or credential.kind != kind:
        raise Unauthenticated("this token is unknown or has been revoked")
    if not credential.is_in_force(now):
        raise Unauthenticated("this token has expired or is used up; make a new one")
    return Caller("endpoint" if kind == "endpoint" else "enroll", credential.tenant_id, credential.owner, credential)


def account(caller: Caller) -> Tenant:
    """Return the caller's own tenant. Raise Unauthenticated if it is gone or suspended."""
    tenant = tenant_store.find(caller.tenant_id)
    if tenant is None or tenant.state == "suspended":
        raise Unauthenticated("this account is closed")
    return tenant
