"""Moments as text. Inside, a moment is an aware datetime in UTC; outside, RFC 3339 with milliseconds and a Z."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


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
    """Return whole milliseconds since the epoch; what is left over is cut, as in `to_text`."""
    return (moment - _EPOCH) // _MILLISECOND


def from_millis(millis: int) -> datetime:
    """Return the moment of milliseconds since the epoch, in UTC."""
    return _EPOCH + millis * _MILLISECOND
