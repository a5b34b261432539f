"""How far back a list or a report reaches."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MAX_DAYS = 400
_HOURS = 24


@dataclass(frozen=True, slots=True)
class Window:
    """A span that ends now.

    since: where it begins, UTC. dates: the UTC dates it touches, newest first; the first is tomorrow, since a machine's clock
    may run ahead. hour: of the epoch; where the span is counted by the hour, None where by the day.
    """

    since: datetime
    dates: tuple[str, ...]
    hour: int | None = None

    @property
    def first_run_id(self) -> str:
        """The lowest id that a run of this span can have."""
        digits = f"{int(self.since.timestamp() * 1000):012x}"
        return f"{digits[:8]}-{digits[8:]}"


def of_days(now: datetime, days: int) -> Window:
    """Return the UTC date of `now` and those before it, `days` together."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return _window(now, today - timedelta(days=days - 1))


def of_24_hours(now: datetime) -> Window:
    """Return the hour of `now` and the 24 before it."""
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    since = hour - timedelta(hours=_HOURS)
    return _window(now, since, int(since.timestamp()) // 3600)


def _window(now: datetime, since: datetime, hour: int | None = None) -> Window:
    newest = (now.astimezone(UTC) + timedelta(days=1)).date()
    days = (newest - since.date()).days
    return Window(since, tuple((newest - timedelta(days=back)).isoformat() for back in range(days + 1)), hour)
