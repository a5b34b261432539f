"""Credentials as they are kept: never the token, only its digest and what it may do."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.scopes import Scope
from chalicelib.domain.tokens import TokenKind

# How the ids of those that people list and revoke begin; what one kind is listed by.
ID_PREFIX: dict[TokenKind, str] = {"api": "tk-", "enrollment": "et-", "ping": "pk-"}


@dataclass(frozen=True, slots=True)
class Credential:
    """One stored token.

    digest: SHA-256 of the token, its key. owner: username of who holds it, or the endpoint's id for an endpoint token.
    max_uses, uses: only enrollment tokens are counted; max_uses None means without limit. expires_at: None means never.
    is_suspended: its account is; it says so and does nothing. created_ip, last_used_ip: the address of who did that.
    retention_days: of endpoint tokens, so that a report's keep is known without asking; None: the usual.
    family: ties the refresh tokens of one login together. scopes, last4: of API tokens only; last4 tells them apart for people.
    """

    digest: str
    kind: TokenKind
    tenant_id: str
    token_id: str
    owner: str
    name: str
    created_at: datetime
    expires_at: datetime | None = None
    max_uses: int | None = None
    uses: int = 0
    last_used_at: datetime | None = None
    family: str | None = None
    scopes: frozenset[Scope] = frozenset()
    last4: str = ""
    is_suspended: bool = False
    created_ip: str = ""
    last_used_ip: str = ""
    retention_days: int | None = None

    def is_in_force(self, now: datetime) -> bool:
        """Tell whether it may be used now. DynamoDB deletes expired items late, so every reader asks this."""
        is_fresh = self.expires_at is None or now < self.expires_at
        return is_fresh and (self.max_uses is None or self.uses < self.max_uses)
