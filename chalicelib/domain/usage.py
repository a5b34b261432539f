"""What a tenant uses, as it is counted."""

from dataclasses import dataclass
from datetime import datetime

# Written when so many calls have gathered in one function, or when the first of them is so old.
CALLS_AT_ONCE = 100
SECONDS_AT_MOST = 300


@dataclass(frozen=True, slots=True)
class Usage:
    """calls: requests with a credential, whatever came of them. stored_bytes: of outputs that runs brought with them."""

    calls: int = 0
    check_ins: int = 0
    stored_bytes: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.calls + other.calls, self.check_ins + other.check_ins, self.stored_bytes + other.stored_bytes)


def month_of(now: datetime) -> str:
    """Return the month that a use at this moment counts for, such as 2026-11."""
    return f"{now:%Y-%m}"
