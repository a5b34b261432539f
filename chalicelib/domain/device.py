"""Device login (RFC 8628): a program without a browser shows a code, and a person lets it in elsewhere."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

# RFC 8628, 6.1: letters that neither look alike nor make words. 20^8 codes, ten minutes, a few guesses a minute.
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8
LIFE = timedelta(minutes=10)
INTERVAL_S = 5
SLOWER_BY_S = 5
# Clocks and networks: who means to wait for five seconds may come a little early.
EARLY_S = 0.5
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"

GrantState = Literal["pending", "approved", "denied", "used"]
# RFC 8628, 3.5, and RFC 6749, 5.2; "approved" is ours.
Verdict = Literal["authorization_pending", "slow_down", "access_denied", "expired_token", "invalid_grant", "approved"]


@dataclass(frozen=True, slots=True)
class Grant:
    """One device login under way.

    digest: of the device code. client: what the program calls itself; client_id: what it has to say again, if it does.
    address: where it asked from. tenant_id: who approved. interval_s: how long it has to wait between two questions.
    """

    digest: str
    client_id: str
    client: str
    address: str
    created_at: datetime
    expires_at: datetime
    state: GrantState = "pending"
    tenant_id: str | None = None
    interval_s: int = INTERVAL_S
    polled_at: datetime | None = None


def new_code(random: bytes) -> str:
    """Return a user code, ABCD-EFGH. random: 16 bytes, so that no code is likelier than another to speak of."""
    number = int.from_bytes(random[:16], "big")
    letters = ""
    for _ in range(LENGTH):
        number, rest = divmod(number, len(ALPHABET))
        letters += ALPHABET[rest]
    return f"{letters[:4]}-{letters[4:]}"


def read_code(typed: str) -> str | None:
    """Return the user code that somebody typed in whatever case and with whatever between, None if it cannot be one."""
    letters = "".join(letter for letter in typed.upper() if letter.isalnum())
    if len(letters) != LENGTH or any(letter not in ALPHABET for letter in letters):
        return None
    return f"{letters[:4]}-{letters[4:]}"


def judge(grant: Grant, now: datetime) -> Verdict:
    """Return what a program that asks now has to be told."""
    if grant.state == "used":
        return "invalid_grant"
    if grant.state == "denied":
        return "access_denied"
    if now >= grant.expires_at:
        return "expired_token"
    if grant.state == "approved":
        return "approved"
    is_early = grant.polled_at and (now - grant.polled_at).total_seconds() < grant.interval_s - EARLY_S
    return "slow_down" if is_early else "authorization_pending"
