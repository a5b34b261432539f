"""Tickets: short-lived signed notes that a page gives its reader to bring back. Nothing about them is stored."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from chalicelib.domain.errors import Forbidden

Purpose = Literal["device", "sso-state", "sso-person"]

LIFE = timedelta(minutes=10)
_ISSUER = "crontopus"


def write(purpose: Purpose, facts: Mapping[str, str], keys: Mapping[str, bytes], now: datetime) -> str:
    """Return a ticket good for ten minutes and this purpose. keys: id -> key; the last one signs."""
    import jwt  # it loads cryptography, which no other request needs

    claims = {"iss": _ISSUER, "aud": purpose, "iat": now, "exp": now + LIFE, "facts": dict(facts)}
    kid = list(keys)[-1]
    # Its type is not that of an access token, so that neither is taken for the other.
    return jwt.encode(claims, keys[kid], algorithm="HS256", headers={"kid": kid, "typ": "ticket+jwt"})


def read(purpose: Purpose, ticket: str, keys: Mapping[str, bytes], now: datetime) -> Mapping[str, str]:
    """Return what a ticket says. Raise Forbidden if it is forged, was made for something else, or has expired."""
    import jwt

    try:
        header = jwt.get_unverified_header(ticket)
        key = keys.get(str(header.get("kid")))
        if key is None or header.get("typ") != "ticket+jwt":
            raise Forbidden("this page is not one of ours; start again")
        options: jwt.types.Options = {"require": ["exp", "iat"], "verify_exp": False, "verify_iat": False}
        claims = jwt.decode(ticket, key, algorithms=["HS256"], issuer=_ISSUER, audience=purpose, options=options)
    except jwt.PyJWTError as e:
        raise Forbidden("this page is not one of ours; start again") from e
    if now.timestamp() >= float(claims["exp"]):
        raise Forbidden("this took longer than ten minutes; start again", code="expired")
    return {str(name): str(value) for name, value in claims["facts"].items()}
