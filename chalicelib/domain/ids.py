"""Identifiers. Randomness and time come in as arguments."""

import uuid
from datetime import UTC, datetime

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def uuid4_from(random: bytes) -> str:
    """Return a UUIDv4 in its usual text form. random: 16 bytes."""
    return str(uuid.UUID(bytes=random[:16], version=4))


def uuid7_from(now: datetime, random: bytes) -> str:
    """Return a UUIDv7 (RFC 9562, 5.7) whose first 48 bits are `now` in milliseconds. random: 10 bytes."""
    millis = int(now.timestamp() * 1000)
    raw = bytearray(millis.to_bytes(6, "big") + random[:10])
    raw[6] = 0x70 | raw[6] & 0x0F
    raw[8] = 0x80 | raw[8] & 0x3F
    return str(uuid.UUID(bytes=bytes(raw)))


def is_uuid(text: str, version: int) -> bool:
    """Tell whether `text` is a UUID of this version in lower-case canonical form."""
    try:
        parsed = uuid.UUID(text)
    except ValueError:
        return False
    return parsed.version == version and str(parsed) == text


def uuid7_time(run_id: str) -> datetime:
    """Return the moment inside a UUIDv7, UTC, to the millisecond.

    Clocks that claim a year past 9999 are read as the epoch, so that no id makes the caller fail.
    """
    millis = uuid.UUID(run_id).int >> 80
    try:
        return datetime.fromtimestamp(millis / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)


def ulid_time(ulid: str) -> datetime:
    """Return the moment inside a ULID that `ulid_from` made, UTC, to the millisecond."""
    millis = 0
    for character in ulid[:10]:
        millis = millis << 5 | _CROCKFORD.index(character)
    return datetime.fromtimestamp(millis / 1000, UTC)


def ulid_from(now: datetime, random: bytes) -> str:
    """Return a lower-case ULID: 10 characters of time, 16 of randomness; sorts by time. random: 10 bytes."""
    number = int(now.timestamp() * 1000) << 80 | int.from_bytes(random[:10], "big")
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
