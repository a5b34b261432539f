"""Tenants: one per user, named after the user."""

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

TenantState = Literal["registering", "active", "suspended"]

MIN_PASSWORD = 10
MAX_PASSWORD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Tenant:
    """An account and what belongs to it.

    setup_step: how many steps of the registration are done; see services/registration.py.
    forge_login: the tenant's own, read-only user on the forge. forge_credential: its sealed token, None until made.
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
