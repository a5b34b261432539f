"""Moments as text. Inside, a moment is an aware datetime in UTC; outside, RFC 3339 with milliseconds and a Z."""

from datetime import UTC, datetime


def to_text(moment: datetime) -> str:
    """Return `2026-01-31T08:00:00.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """Return the moment, in UTC. Raise ValueError if the text is no RFC 3339 moment with an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; end it with Z or +00:00")
    return moment.astimezone(UTC)


def to_millis(moment: datetime) -> int:
    """Return milliseconds since the epoch."""
    return round(moment.timestamp() * 1000)


def from_millis(millis: int) -> datetime:
    """Return the moment of milliseconds since the epoch, in UTC."""
    return datetime.fromtimestamp(millis / 1000, UTC)
