"""Who a token speaks for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from chalicelib.domain import ids, tokens
from chalicelib.domain.credentials import Credential
from chalicelib.domain.errors import Forbidden, Gone, Unauthenticated
from chalicelib.domain.tenants import Tenant
from chalicelib.store import tenants as tenant_store
from chalicelib.store import tokens as token_store
from chalicelib.store import tombstones

ACCESS_LIFE = timedelta(minutes=15)
# How long ago somebody may have logged in who changes how the account is opened.
FRESH_FOR = timedelta(minutes=15)
ISSUER = "crontopus"
AUDIENCE = "crontopus-api"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. The tenant comes from the credential and from nowhere else.

    name: username of a user or holder of an enrollment token, the endpoint's id for an endpoint.
    session_id: of the login an access token came from. is_operator: told of sessions only.
    address: where the request comes from.
    """

    kind: Literal["user", "endpoint", "enroll"]
    tenant_id: str
    name: str
    credential: Credential | None = None
    session_id: str | None = None
    is_operator: bool = False
    address: str = ""


def access_token(tenant_id: str, session_id: str, keys: Mapping[str, bytes], now: datetime) -> str:
    """Return a token that speaks for this user for 15 minutes. keys: id -> key; the last one signs."""
    import jwt  # it loads cryptography, which an agent's requests do not need

    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": tenant_id, "sid": session_id, "iat": now, "exp": now + ACCESS_LIFE}
    kid = list(keys)[-1]
    return jwt.encode(claims, keys[kid], algorithm="HS256", headers={"kid": kid, "typ": "at+jwt"})


def caller_of_jwt(token: str, keys: Mapping[str, bytes], now: datetime) -> Caller:
    """Return the user an access token speaks for, with one read: is the account still there and its sessions too.

    Raise Unauthenticated if it is forged, foreign, expired or ended, Forbidden if the account is suspended.
    """
    import jwt

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
    return _with_account(
        Caller("user", str(claims["sub"]), str(claims["sub"]), session_id=str(claims.get("sid"))), claims["iat"]
    )


def _with_account(caller: Caller, issued_at_s: float) -> Caller:
    tenant = tenant_store.find(caller.tenant_id)
    if tenant is None:
        raise Unauthenticated("this account is closed")
    if tenant.state == "suspended":
        raise suspended()
    # Whole seconds, as the token's own moment: who logs in right after the end is not shut out.
    if tenant.sessions_end_at and issued_at_s < int(tenant.sessions_end_at.timestamp()):
        raise Unauthenticated("this session has ended; log in again")
    return replace(caller, is_operator=tenant.is_operator)


def is_operator(caller: Caller) -> bool:
    """Tell whether the caller is a user who runs this installation. An API token's account is read for that."""
    if caller.kind != "user" or caller.credential is None:
        return caller.is_operator
    tenant = tenant_store.find(caller.tenant_id)
    return tenant is not None and tenant.is_operator


def suspended() -> Forbidden:
    """Return what every credential of a suspended account is answered."""
    return Forbidden("this account is suspended; ask the operator", code="account_suspended")


def caller_of_token(token: str, now: datetime, *, is_repeated: bool = False) -> Caller:
    """Return the endpoint or enrollment-token holder a stored token speaks for.

    is_repeated: whoever asks may have asked before, so an enrollment token that is used up still says who it is;
    it lets nobody in, since enrolling spends it first.
    Raise Unauthenticated if it is not in force, Gone if it was that of an endpoint that has been deleted.
    """
    kind = tokens.kind_of(token)
    credential = token_store.find(tokens.digest(token)) if kind in ("endpoint", "enrollment") else None
    if credential is None or credential.kind != kind:
        raise _refusal(token)
    if credential.is_suspended:
        raise suspended()
    judged = replace(credential, max_uses=None) if is_repeated else credential
    if not judged.is_in_force(now):
        raise Unauthenticated("this token has expired or is used up; make a new one")
    return Caller("endpoint" if kind == "endpoint" else "enroll", credential.tenant_id, credential.owner, credential)


def _refusal(token: str) -> Unauthenticated | Gone:
    match tombstones.find(tokens.digest(token)):
        case "revoked":
            return Unauthenticated("this endpoint has been revoked", code="endpoint_revoked")
        case "gone":
            return Gone("this endpoint has been deleted", code="endpoint_gone")
    return Unauthenticated("this token is unknown or has been revoked")


def refuse_token(caller: Caller) -> Caller:
    """Return the caller. Raise Forbidden for an API token: what makes or changes ways to log in takes a person's session."""
    if caller.credential is not None:
        raise Forbidden("this takes a person's session; log in, an API token will not do", code="session_needed")
    return caller


def refuse_stale(caller: Caller, now: datetime) -> Caller:
    """Return the caller. Raise Forbidden unless it is a person who logged in within a quarter of an hour.

    A session that somebody left open, or took over, must not make a way in for later.
    """
    refuse_token(caller)
    if caller.session_id is None or now - ids.ulid_time(caller.session_id) > FRESH_FOR:
        raise Forbidden("log in again first: this changes how the account is opened", code="login_needed")
    return caller


def account(caller: Caller) -> Tenant:
    """Return the caller's own tenant. Raise Unauthenticated if it is gone or suspended."""
    tenant = tenant_store.find(caller.tenant_id)
    if tenant is None or tenant.state == "suspended":
        raise Unauthenticated("this account is closed")
    return tenant
