"""When a schedule fires. Fields mean what cron(8) and crontab(5) of Debian say; cronsim is the engine.

Crons that read them otherwise have a dialect, and `fires` can be asked for it. What Crontopus keeps means the same in all of
them, see docs/adr/0016: `kept_fires`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import heappop, heappush
from itertools import dropwhile, islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from chalicelib.domain import dialects, schedule_native
from chalicelib.domain.dialects import Dialect
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


def native(expression: str, dialect: Dialect) -> str | None:
    """Return a schedule as this cron takes it to mean what cron(8) does, clock changes aside; None if it cannot say it.

    Raise Invalid if the schedule has a problem.
    """
    text = normalized(expression)
    fields = fields_of(text)
    if fields is None or dialect.is_crons:
        return text
    minute, hour, _, _, _ = text.split()
    all_days, all_weekdays = len(fields.days) == 31, len(fields.weekdays) == 7
    says = ("both" if fields.is_both else "either") == dialect.days and dialect.has_one_way
    if not all_days and not all_weekdays and not says:
        return None
    is_daily = not fields.is_both and (all_days or all_weekdays)  # either is enough, and one of them is always true
    day = "*" if all_days or is_daily else _listed(fields.days)
    weekday = "*" if all_weekdays or is_daily else _listed(fields.weekdays)
    month = "*" if len(fields.months) == 12 else _listed(fields.months)
    return " ".join((_plain(minute, fields.minutes), _plain(hour, fields.hours), day, month, weekday))


def _plain(text: str, values: Iterable[int]) -> str:
    """Return a field that counts from zero without what crons read differently: ranges with steps, one value's range."""
    return text if re.fullmatch(r"\*(/[0-9]+)?", text) else _listed(values)


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


def fires(expression: str, after: datetime, zone: str, flavour: str | None = None) -> Iterator[datetime]:
    """Yield the moments after `after` at which cron fires, in UTC, oldest first; nothing for @reboot.

    zone: IANA name of the zone the scheduler lives in. flavour: whose cron runs the very line. By default a time that DST
    skips runs right after the gap, and one that it repeats runs once (cron(8)). Raise Invalid if schedule or zone is unknown.
    """
    fields = normalized(expression)
    rules = _rules_of(zone)
    if fields == REBOOT:
        return iter(())
    dialect = dialects.of(flavour)
    if dialect.clock != "cron":
        return schedule_native.moments(_read(fields, dialect), after, rules, dialect.clock, dialect.days)
    if dialect.days == "either" and _read(fields, dialect).is_both:
        fields = _without_stars(fields)
    return _by_cron(fields, after, after.astimezone(rules))


def kept_fires(
    expression: str, after: datetime, zone: str, host_zone: str | None = None, flavour: str | None = None
) -> Iterator[datetime]:
    """Yield the moments at which a job that an agent keeps runs: cron(8)'s in the job's zone, whatever the cron.

    host_zone: the zone of its machine. What systemd-cron counts once it starts at no other time: nothing runs there while
    clocks that were put back show an hour again.
    """
    moments = fires(expression, after, zone)
    if dialects.of(flavour).clock != "once":
        return moments
    rules = _rules_of(host_zone or zone)
    return (moment for moment in moments if not moment.astimezone(rules).fold)


def _rules_of(zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as e:
        raise Invalid.of({"timezone": f"no zone {zone!r}; use an IANA name such as Europe/Paris"}) from e


def _read(text: str, dialect: Dialect) -> Fields:
    """Return what a cron takes the fields to mean."""
    fields = fields_of(text)
    assert fields is not None  # noqa: S101 - @reboot has been dealt with
    day = text.split()[2]
    if dialect.first_day == 0 and (step := re.fullmatch(r"\*/([0-9]+)", day)):
        return replace(fields, days=frozenset(range(0, 32, int(step[1]))) - {0})
    if dialect.first_day == 0 and len(fields.days) == 31 and day != "*":
        return replace(fields, weekdays=frozenset(range(7)))  # each day by its number is not every day: either is enough
    return fields


def _without_stars(text: str) -> str:
    """Return the same fields with day and weekday as plain numbers, so that either is enough."""
    fields, (minute, hour, _, month, _) = fields_of(text), text.split()
    if fields is None or len(fields.days) == 31 or len(fields.weekdays) == 7:
        return text
    return " ".join((minute, hour, _listed(fields.days), month, _listed(fields.weekdays)))


def _listed(values: Iterable[int]) -> str:
    return ",".join(map(str, sorted(values)))


def _by_cron(fields: str, after: datetime, local: datetime) -> Iterator[datetime]:
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


def next_fires(expression: str, after: datetime, zone: str, count: int, flavour: str | None = None) -> list[datetime]:
    """Return the next `count` moments, fewer if the schedule ends. flavour: see `fires`."""
    return list(islice(fires(expression, after, zone, flavour), count))
