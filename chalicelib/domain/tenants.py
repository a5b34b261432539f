"""Tenants: one per user, named after the user."""

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

# unverified: nobody has yet shown that the address is theirs, and nothing is made on the forge before.
# registering: the forge's part is not finished.
TenantState = Literal["unverified", "registering", "active", "suspended"]
STATES: tuple[TenantState, ...] = get_args(TenantState)

MIN_PASSWORD = 10
MAX_PASSWORD_BYTES = 1024
# How long runs are kept.
RETENTION_DAYS = 90
MIN_RETENTION_DAYS, MAX_RETENTION_DAYS = 7, 400
# An address that nobody has proved is free again after that.
UNVERIFIED_LIFE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Tenant:
    """An account and what belongs to it.

    setup_step: how many steps of the registration are done; see services/registration.py.
    forge_login: the tenant's own, read-only user on the forge. forge_credential: its sealed token, None until made.
    email_verified_at: when somebody with access to the address said so, None before. sessions_end_at: access tokens made up to
    then are worthless. name: what people call it. suspended_because: in the operator's words.
    identity_count: how many logins at providers are linked. is_sso_only: they alone open it, the password does not.
    """

    tenant_id: str
    username: str
    email: str
    password_hash: str
    state: TenantState
    setup_step: int
    forge_login: str
    forge_credential: bytes | None
    created_at: datetime
    email_verified_at: datetime | None = None
    is_operator: bool = False
    name: str = ""
    retention_days: int = RETENTION_DAYS
    sessions_end_at: datetime | None = None
    suspended_because: str | None = None
    identity_count: int = 0
    is_sso_only: bool = False


def email_digest(email: str) -> str:
    """Return the digest under which an address is unique: case and compatibility forms do not make another one."""
    return hashlib.sha256(unicodedata.normalize("NFKC", email).casefold().encode()).hexdigest()


def password_problem(password: str) -> str | None:
    """Return why a password cannot be taken whatever it says, or None. Whether it is easily guessed is asked elsewhere."""
    if len(password) < MIN_PASSWORD:
        return f"at least {MIN_PASSWORD} characters; a sentence is easier to remember than symbols"
    if len(password.encode()) > MAX_PASSWORD_BYTES:
        return f"at most {MAX_PASSWORD_BYTES} bytes"
    return None
