"""Single sign-on: what is believed of what a provider says, and what follows from it.

Sources: OpenID Connect Core 1.0 (3.1.3.7), RFC 7636 (PKCE), RFC 9207 (mix-up), RFC 9700 (security practice).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from chalicelib.domain import names
from chalicelib.domain.errors import Forbidden, Invalid
from chalicelib.domain.tenants import Tenant

Kind = Literal["oidc", "github"]

CLOCK_SKEW = timedelta(seconds=60)
# A token is exchanged seconds after it was made; one that is older was kept by somebody.
OLDEST = timedelta(minutes=10)
UNTRUSTED = "sso_untrusted"
_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f#]*")


@dataclass(frozen=True, slots=True)
class Provider:
    """Where people can log in besides here. name: in our paths; label: on the button.

    issuer: of an OIDC provider as its tokens spell it; of GitHub the address of the site. hosted_domain: the one organisation
    at Google whose people may log in, empty for everybody.
    """

    name: str
    label: str
    kind: Kind
    issuer: str
    client_id: str
    scopes: tuple[str, ...]
    hosted_domain: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Who logged in at a provider. The pair of issuer and subject is who they are, an address is only what they use.

    nickname: what they call themselves there, None if unsaid.
    """

    provider: str
    issuer: str
    subject: str
    email: str | None
    is_email_verified: bool
    nickname: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """A person of a provider as whom a tenant may log in. identity_id: by which its owner names it."""

    identity_id: str
    tenant_id: str
    provider: str
    issuer: str
    subject: str
    email: str | None
    linked_at: datetime
    last_used_at: datetime | None = None


# What becomes of somebody whom no identity of ours names.
Newcomer = Literal["register", "confirm"]


def newcomer(person: Person, owner: Tenant | None) -> Newcomer:
    """Return what a person without an identity here may do. owner: of the account with the same address, None if none has it.

    confirm: log in there once with its password, which links the two. Raise Forbidden where the address is not proved on both
    sides: else whoever registers a stranger's address, here or there, would get in.
    """
    if not person.email or not person.is_email_verified:
        raise Forbidden("your provider has not confirmed your e-mail address; let it do so first", code="sso_email_unverified")
    if owner is None:
        return "register"
    if owner.email_verified_at is None or not owner.password_hash:
        words = "your address belongs to an account here already; log in to it as before, then add this way to log in"
        raise Forbidden(words, code="sso_link_by_hand")
    return "confirm"


def believe(claims: Mapping[str, Any], provider: Provider, nonce: str, now: datetime) -> Person:
    """Return whom the claims of a signed ID token name. Raise Forbidden if they were not meant for us, here and now."""
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    moment = now.timestamp()
    skew_s, oldest_s = CLOCK_SKEW.total_seconds(), OLDEST.total_seconds()
    expires, issued, starts = (_number(claims.get(name)) for name in ("exp", "iat", "nbf"))
    rules = {
        "iss": claims.get("iss") == provider.issuer,
        "aud": provider.client_id in audiences,
        "azp": claims.get("azp", provider.client_id) == provider.client_id and (len(audiences) < 2 or "azp" in claims),
        "exp": expires is not None and moment < expires + skew_s,
        "iat": issued is not None and moment - oldest_s - skew_s <= issued <= moment + skew_s,
        "nbf": "nbf" not in claims or (starts is not None and starts <= moment + skew_s),
        "nonce": hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()),
        "sub": is_subject(claims.get("sub")),
        # The claim, since what was asked for in the address is only a wish, and an address at the domain may be anybody's.
        "hd": provider.hosted_domain in ("", claims.get("hd")),
    }
    if broken := [name for name, holds in rules.items() if not holds]:
        raise untrusted(f"its token is not for us, here and now ({', '.join(broken)})")
    return person_of(claims, provider)


def person_of(claims: Mapping[str, Any], provider: Provider) -> Person:
    """Return whom claims name that are believed already."""
    email = claims.get("email")
    nickname = claims.get("preferred_username") or claims.get("nickname")
    return Person(
        provider=provider.name,
        issuer=provider.issuer,
        subject=str(claims["sub"]),
        email=email if isinstance(email, str) and 0 < len(email) <= 254 else None,
        # Some say "true"; a word that is not exactly that proves nothing.
        is_email_verified=claims.get("email_verified") in (True, "true"),
        nickname=nickname if isinstance(nickname, str) else None,
    )


def is_subject(value: object) -> bool:
    """Tell whether a value can name a person at a provider (OIDC Core, 2: at most 255 ASCII characters)."""
    return isinstance(value, str) and 0 < len(value) <= 255 and value.isascii() and value.isprintable()


def untrusted(why: str) -> Forbidden:
    """Return the error for a provider's answer that is not believed."""
    return Forbidden(f"the provider's answer cannot be trusted: {why}; start again", code=UNTRUSTED)


def safe_next(given: str) -> str:
    """Return where to go after the login, a path of ours. Raise Invalid if it leads anywhere else."""
    parts = urlsplit(given) if _PATH.fullmatch(given) else None
    if parts is None or parts.scheme or parts.netloc or len(given) > 500:
        raise Invalid.of({"next": "must be a path on this site, such as /jobs"})
    return given


def suggested_name(person: Person) -> str:
    """Return a username that this person may like and we would take, empty if there is none."""
    for text in (person.nickname, (person.email or "").partition("@")[0]):
        name = re.sub(r"[^a-z0-9]+", "-", (text or "").lower()).strip("-")[:30].strip("-")
        if name and not names.username_problem(name):
            return name
    return ""


def derived(browser: str, login_id: str, what: str) -> str:
    """Return a secret of this login that only the browser that began it can lead to: nothing has to be stored.

    browser: the value of its cookie. what: "nonce" or "verifier"; 43 characters of base64url, as RFC 7636 wants a verifier.
    """
    return _base64url(hmac.digest(browser.encode(), f"{what} {login_id}".encode(), "sha256"))


def challenge(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier."""
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
