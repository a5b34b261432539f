"""Links that prove who reads an address: what each is for, and how long it lasts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

# register: the address of a new account. change: the address that is to replace another one. reset: a forgotten password.
Purpose = Literal["register", "change", "reset"]

LIFE: dict[Purpose, timedelta] = {
    "register": timedelta(hours=24),
    "change": timedelta(hours=24),
    "reset": timedelta(minutes=30),
}


@dataclass(frozen=True, slots=True)
class Verification:
    """One link on its way. A tenant has at most one for each purpose: a newer one takes the place of the one before.

    digest: SHA-256 of the token in the link. email: the address it was sent to.
    """

    tenant_id: str
    purpose: Purpose
    digest: str
    email: str
    expires_at: datetime
