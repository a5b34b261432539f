"""GitHub, which speaks OAuth 2 and not OpenID Connect: there is no ID token, who logged in is asked of its API.

Source: docs.github.com, "Authorizing OAuth apps" and the REST API's /user and /user/emails.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from chalicelib.domain import sso
from chalicelib.domain.sso import Person, Provider
from chalicelib.providers.transport import Transport, unavailable

GITHUB = "https://github.com"


class GitHubClient:
    """Talks to github.com, or to an Enterprise Server, whose API lies below /api/v3 of the same address."""

    def __init__(self, provider: Provider, transport: Transport) -> None:
        self.provider = provider
        self._transport = transport
        self._api = "https://api.github.com" if provider.issuer == GITHUB else f"{provider.issuer}/api/v3"

    def authorization_url(self, redirect_uri: str, state: str, nonce: str, challenge: str) -> str:
        """Return where the browser is sent. nonce: has no place in OAuth 2; PKCE binds the code to this login."""
        query = {
            "client_id": self.provider.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self.provider.scopes),
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self.provider.issuer}/login/oauth/authorize?{urlencode(query)}"

    def refuse_mix_up(self, issuer: str | None) -> None:
        """Raise Forbidden if the answer says that it comes from another provider."""
        if issuer not in (None, self.provider.issuer, f"{self.provider.issuer}/login/oauth"):
            raise sso.untrusted("it comes from another provider")

    def person(self, code: str, redirect_uri: str, verifier: str, nonce: str, secret: str, now: datetime) -> Person:
        """Return who logged in. Raise Forbidden if GitHub does not take the code, or lets us see no account."""
        token = self._exchange(code, redirect_uri, verifier, secret)
        user = self._ask("/user", token)
        if not isinstance(user, dict) or not isinstance(user.get("id"), int):
            raise sso.untrusted("it names no account")
        email, is_verified = self._address(self._ask("/user/emails", token))
        login = user.get("login")
        # Logins can be renamed and taken by others; the number stays.
        return Person(
            provider=self.provider.name,
            issuer=self.provider.issuer,
            subject=str(user["id"]),
            email=email,
            is_email_verified=is_verified,
            nickname=login if isinstance(login, str) else None,
        )

    def _exchange(self, code: str, redirect_uri: str, verifier: str, secret: str) -> str:
        form = {
            "client_id": self.provider.client_id,
            "client_secret": secret,
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        reply = self._transport.post(f"{self.provider.issuer}/login/oauth/access_token", form)
        body: Mapping[str, Any] = reply.body if isinstance(reply.body, dict) else {}
        # An error comes with status 200.
        token = body.get("access_token")
        if reply.status != 200 or "error" in body or not isinstance(token, str):
            raise sso.untrusted(f"it does not take the code ({str(body.get('error') or reply.status)[:60]})")
        return token

    def _ask(self, path: str, token: str) -> object:
        reply = self._transport.get(self._api + path, f"Bearer {token}")
        if reply.status in (401, 403, 404):
            return None
        if reply.status != 200:
            raise unavailable(f"its API answered HTTP {reply.status}")
        answer: object = reply.body
        return answer

    @staticmethod
    def _address(found: object) -> tuple[str | None, bool]:
        """Return the primary address and whether GitHub has verified it. The public one of /user proves nothing."""
        for entry in found if isinstance(found, list) else []:
            if isinstance(entry, dict) and entry.get("primary") is True and isinstance(entry.get("email"), str):
                return entry["email"], entry.get("verified") is True
        return None, False
