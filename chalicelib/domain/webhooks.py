"""What the forge tells us about pushes, and how we know that it was the forge.

A push event is a hint and nothing more: what counts is read from the repository. So a replayed event does no harm.
Source: Forgejo's documentation, Webhooks: X-Forgejo-Signature is the hex HMAC-SHA256 of the body.
"""

import hmac
from collections.abc import Iterable

PATH = "/api/webhooks/forge"
BRANCH_REF = "refs/heads/main"


def secret_of(key: bytes, tenant_id: str) -> str:
    """Return the secret of a tenant's webhook: derived, so that it need not be stored."""
    return hmac.digest(key, b"webhook of " + tenant_id.encode(), "sha256").hex()


def is_signed(body: bytes, signature: str, secrets: Iterable[str]) -> bool:
    """Tell whether one of the secrets signed this body. An empty signature, as of a hook without a secret, never does."""
    expected = [hmac.digest(secret.encode(), body, "sha256").hex() for secret in secrets]
    return bool(signature) and any(hmac.compare_digest(signature.lower().encode(), one.encode()) for one in expected)
