"""When a schedule fires. Fields mean what cron(8) and crontab(5) of Debian say; cronsim is the engine."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
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
FIELDS = ("minute", "hour", "day of month", "month", "day of week")

# Without this, cronsim would also take what cron does not know: L, W, #.
_VALUE = r"(?:[0-9]{1,2}|[A-Za-z]{3})"
# A step wants a range: Debian's cron reads `5/10` as plain 5 and says nothing.
_FIELD = re.compile(
    rf"(?:(?:\*|{_VALUE}-{_VALUE})(?:/[0-9]+)?|{_VALUE})(?:,(?:(?:\*|{_VALUE}-{_VALUE})(?:/[0-9]+)?|{_VALUE}))*"
)


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
    moments = (moment.astimezone(UTC) for moment in CronSim(fields, local))
    # Begun in an hour that DST repeats, the engine starts with what ran in it the first time.
    return dropwhile(lambda moment: moment <= after, moments)


def next_fires(expression: str, after: datetime, zone: str, count: int) -> list[datetime]:
    """Return the next `count` moments, fewer if the schedule ends."""
    return list(islice(fires(expression, after, zone), count))
