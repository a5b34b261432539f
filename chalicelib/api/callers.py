"""From an Authorization header to a caller. Every request asks the store anew, so that a revoked credential dies at once."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from chalicelib.domain import scopes, tokens
from chalicelib.domain.errors import Forbidden, Gone, Unauthenticated
from chalicelib.domain.scopes import Scope
from chalicelib.services import api_tokens, sessions
from chalicelib.services.doors import vault
from chalicelib.services.sessions import Caller

Auth = Literal["user", "endpoint", "enroll", "ping", "webhook", "operator", "public"]

# Which kinds of caller each declaration lets in.
ALLOWED: dict[Auth, frozenset[str]] = {
    "user": frozenset({"user"}),
    "endpoint": frozenset({"endpoint"}),
    "enroll": frozenset({"user", "enroll"}),
    "ping": frozenset(),
    "webhook": frozenset(),
    # A user whose account says so; no kind of credential alone.
    "operator": frozenset(),
    "public": frozenset(),
}


def identify(auth: Auth, header: str | None, address: str, *, is_repeated: bool = False) -> Caller | None:
    """Return who asks, None on a public route. Raise Unauthenticated without a credential in force.

    address: where the request comes from. is_repeated: the request says of itself that it may be one of before.
    """
    # A webhook is known by the signature of its body, a ping by what its path holds; their routes check that.
    if auth in ("public", "webhook", "ping"):
        return None
    try:
        return _caller(_bearer(header), address, is_repeated=is_repeated)
    except Gone as e:
        # Its endpoint is gone, which says nothing about what is asked for anywhere else.
        if auth == "endpoint":
            raise
        raise Unauthenticated(e.message, code=e.code) from e


def authorize(caller: Caller | None, auth: Auth, scope: Scope | None) -> None:
    """Raise Forbidden for a credential that is good elsewhere but not here.

    scope: what a user's API token must hold, None for what no narrow one may do.
    """
    if caller is None:
        return
    if auth == "operator":
        _refuse_others(caller, scope)
        return
    if caller.kind not in ALLOWED[auth]:
        raise Forbidden(f"this route takes another kind of credential than a {caller.kind}'s")
    if caller.kind == "user":
        _refuse_narrow(caller, scope)


def _refuse_others(caller: Caller, scope: Scope | None) -> None:
    if caller.kind == "user":
        _refuse_narrow(caller, scope)
    if not sessions.is_operator(caller):
        raise Forbidden("this is for the operators of this installation", code="operators_only")


def _refuse_narrow(caller: Caller, scope: Scope | None) -> None:
    # A route that forgot to say its scope is closed to tokens, not open.
    needed: Scope = scope or "admin:*"
    if scopes.missing(api_tokens.scopes_of(caller), (needed,)):
        raise Forbidden(f"this token lacks the scope {needed!r}; make one that has it", code="missing_scope")


def _bearer(header: str | None) -> str:
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("send the header `Authorization: Bearer <token>`")
    return token.strip()


def _caller(token: str, address: str, *, is_repeated: bool) -> Caller:
    now = datetime.now(UTC)
    if tokens.kind_of(token) == "api":
        return api_tokens.caller_of(token, address, now)
    if token.count(".") == 2:
        caller = sessions.caller_of_jwt(token, vault().secret().jwt_keys, now)
    else:
        caller = sessions.caller_of_token(token, now, is_repeated=is_repeated)
    return replace(caller, address=address)
