"""When a schedule fires. Fields mean what cron(8) and crontab(5) of Debian say; cronsim is the engine."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import heappop, heappush
from itertools import dropwhile, islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from chalicelib.domain.errors import Invalid

ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
REBOOT = "@reboot"
MAX_LENGTH = 200
_DAY = timedelta(days=1)
FIELDS = ("minute", "hour", "day of month", "month", "day of week")

# Without this, cronsim would also take what cron does not know: L, W, #.
_VALUE = r"(?:[0-9]{1,2}|[A-Za-z]{3})"
# A step wants a range: Debian's cron reads `5/10` as plain 5 and says nothing.
_FIELD = re.compile(
    rf"(?:(?:\*|{_VALUE}-{_VALUE})(?:/[0-9]+)?|{_VALUE})(?:,(?:(?:\*|{_VALUE}-{_VALUE})(?:/[0-9]+)?|{_VALUE}))*"
)


# Cron reads the 5 of 5-5/10 and no more; other programs, our engine among them, go on from there in steps.
_ONE_VALUE_RANGE = re.compile(r"(?:^|,)(\w+)-\1/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fields:
    """The values that a schedule's fields stand for. weekdays: 0 is Sunday, and 7 does not occur.

    is_both: day and weekday must both match, since one begins with a star (crontab(5)); else either is enough.
    is_following: minute or hour begin with a star, so the clock is followed through daylight saving time (cron(8)).
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    is_both: bool
    is_following: bool

    @property
    def is_hourly(self) -> bool:
        """Tell whether every hour of every day is the same: then only the minute depends on a zone, if anything does."""
        is_daily = len(self.days) == 31 and len(self.months) == 12 and len(self.weekdays) == 7
        return len(self.hours) == 24 and is_daily and self.is_following


def fields_of(expression: str) -> Fields | None:
    """Return what the fields of a schedule stand for, None for @reboot. Raise Invalid if it has a problem."""
    text = normalized(expression)
    if text == REBOOT:
        return None
    read = CronSim(text, datetime(2026, 1, 1, tzinfo=UTC))
    return Fields(
        minutes=frozenset(read.minutes),
        hours=frozenset(read.hours),
        days=frozenset(read.days),
        months=frozenset(read.months),
        weekdays=frozenset(day % 7 for day in read.weekdays if isinstance(day, int)),
        is_both=read.day_and,
        is_following=_is_following(text),
    )


# Tenants have a thousand jobs and a dozen schedules.
@lru_cache(maxsize=1024)
def problem(expression: str) -> str | None:
    """Return what is wrong with a schedule, in words for the person who wrote it, or None."""
    if expression in ALIASES or expression == REBOOT:
        return None
    if len(expression) > MAX_LENGTH:
        return f"at most {MAX_LENGTH} characters"
    if expression.startswith("@"):
        return f"unknown word {expression!r}; known are {', '.join([*ALIASES, REBOOT])}"
    return _fields_problem(expression)


def _fields_problem(expression: str) -> str | None:
    # Cron splits fields at blanks and tabs only, and the line must stay one line.
    if not re.fullmatch(r"[ -~\t]*", expression):
        return "plain ASCII on one line only"
    fields = expression.split()
    if len(fields) != 5:
        return f"needs 5 fields ({', '.join(FIELDS)}), this has {len(fields)}"
    for name, text in zip(FIELDS, fields, strict=True):
        if not _FIELD.fullmatch(text):
            return f"the {name} field {text!r} is not a list of values, ranges (1-5) or steps (*/5, 0-30/10)"
        if _ONE_VALUE_RANGE.search(text):
            return f"the {name} field {text!r} has steps through a range of one value; write the value alone"
    minute, hour, day, month, weekday = fields
    try:
        # January has every day that a month can have.
        CronSim(f"{minute} {hour} {day} 1 {weekday}", datetime(2026, 1, 1, tzinfo=UTC))
        CronSim(f"0 0 1 {month} *", datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as e:
        return f"cron would refuse it: {e}"
    return None if _ever_fires(fields) else "it never fires: no such date exists"


def _ever_fires(fields: list[str]) -> bool:
    try:
        return next(iter(CronSim(" ".join(fields), datetime(2026, 1, 1, tzinfo=UTC))), None) is not None
    except CronSimError:
        return False


def normalized(expression: str) -> str:
    """Return the five fields (or @reboot) as they stand in a crontab line, single blanks between them.

    Raise Invalid if the schedule has a problem.
    """
    if found := problem(expression):
        raise Invalid.of({"schedule": found})
    return " ".join(ALIASES.get(expression, expression).split())


def fires(expression: str, after: datetime, zone: str) -> Iterator[datetime]:
    """Yield the moments after `after` at which cron fires, in UTC, oldest first; nothing for @reboot.

    zone: IANA name of the zone the scheduler lives in. A time that DST skips runs right after the gap; one that it repeats
    runs once (cron(8)). Raise Invalid if schedule or zone is unknown.
    """
    fields = normalized(expression)
    try:
        local = after.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError) as e:
        raise Invalid.of({"timezone": f"no zone {zone!r}; use an IANA name such as Europe/Paris"}) from e
    if fields == REBOOT:
        return iter(())
    moments = _by_the_clock(fields, local) if _is_following(fields) else (at.astimezone(UTC) for at in CronSim(fields, local))
    # Begun in an hour that DST repeats, both start with what ran in it the first time.
    return dropwhile(lambda moment: moment <= after, moments)


def _is_following(fields: str) -> bool:
    minute, hour = fields.split()[:2]
    return minute.startswith("*") or hour.startswith("*")


def _by_the_clock(fields: str, local: datetime) -> Iterator[datetime]:
    """Yield every moment, in UTC, at which the clock shows a time that fits.

    A reading that DST skips never comes, one that it repeats comes twice. The engine's own way leaps whole hours, which
    misses some where clocks are set back by half an hour, as on Lord Howe Island.
    """
    zone = local.tzinfo
    # Just before clocks are set back, readings that lie behind us are still to come.
    back = (local.utcoffset() or timedelta()) - ((local.astimezone(UTC) + _DAY).astimezone(zone).utcoffset() or timedelta())
    waiting: list[datetime] = []
    for reading in CronSim(fields, local.replace(tzinfo=None) - max(back, timedelta())):
        first, second = (reading.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first.astimezone(zone).replace(tzinfo=None) == reading:
            heappush(waiting, first)
        if second > first:
            heappush(waiting, second)
        while waiting and waiting[0] <= first:
            yield heappop(waiting)


def next_fires(expression: str, after: datetime, zone: str, count: int) -> list[datetime]:
    """Return the next `count` moments, fewer if the schedule ends."""
    return list(islice(fires(expression, after, zone), count))
