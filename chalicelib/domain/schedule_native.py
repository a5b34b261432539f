"""When a schedule fires in a cron that works on clock readings alone: no rule of cron(8) for daylight saving time."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from chalicelib.domain.dialects import Clock, Days
    from chalicelib.domain.schedule import Fields

# A leap day that must be a certain weekday may be forty years away; what is farther does not happen.
_HORIZON_DAYS = 41 * 366


def moments(fields: "Fields", after: datetime, zone: ZoneInfo, clock: "Clock", days: "Days") -> Iterator[datetime]:
    """Yield the moments after `after`, in UTC, oldest first, at which the clock shows a time that fits.

    clock: plain or once. Nothing comes after forty years without any.
    """
    is_day = day_test(fields, days)
    # The day before: while clocks are set back over midnight, its last hour comes again.
    first = after.astimezone(zone).date() - timedelta(days=1)
    for number in range(_HORIZON_DAYS):
        day = first + timedelta(days=number)
        if day.month in fields.months and is_day(day):
            yield from (moment for moment in sorted(_of_day(fields, day, zone, clock)) if moment > after)


def day_test(fields: "Fields", days: "Days") -> Callable[[date], bool]:
    """Return what tells whether a date fits day of month and weekday."""
    has_all_days, has_all_weekdays = len(fields.days) == 31, len(fields.weekdays) == 7
    is_both = fields.is_both if days == "star" else days == "both" or has_all_days or has_all_weekdays

    def fits(day: date) -> bool:
        is_date, is_weekday = day.day in fields.days, day.isoweekday() % 7 in fields.weekdays
        return (is_date and is_weekday) if is_both else (is_date or is_weekday)

    return fits


def _of_day(fields: "Fields", day: date, zone: ZoneInfo, clock: "Clock") -> Iterator[datetime]:
    for hour in fields.hours:
        for minute in fields.minutes:
            reading = datetime.combine(day, time(hour, minute))
            first, second = (reading.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
            if first.astimezone(zone).replace(tzinfo=None) != reading:
                continue  # skipped
            yield first
            if second != first and clock == "plain":
                yield second
