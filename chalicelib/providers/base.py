"""What every login provider can do."""

from datetime import datetime
from typing import Protocol

from chalicelib.domain.sso import Person, Provider


class IdentityProvider(Protocol):
    """One provider. Errors are the domain's: Forbidden for what is not believed, Unavailable while it cannot be asked."""

    provider: Provider

    def authorization_url(self, redirect_uri: str, state: str, nonce: str, challenge: str) -> str:
        """Return where the browser is sent to log in."""

    def refuse_mix_up(self, issuer: str | None) -> None:
        """Raise Forbidden if an answer says that it comes from another provider."""

    def person(self, code: str, redirect_uri: str, verifier: str, nonce: str, secret: str, now: datetime) -> Person:
        """Return who logged in, for the code that the browser brought back."""
