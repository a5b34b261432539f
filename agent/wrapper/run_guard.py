"""Part of run-job: whether a job is due whose schedule this machine's cron cannot say, for its time zone or its own ways.

Its crontab line is widened to every minute that could be meant; here is decided which one is, by cron(8)'s rules for
daylight saving time, in the job's zone: a time that is skipped runs right after the gap, one that is repeated runs once, and
a schedule whose minute or hour is a star follows the clock.
"""

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime, tzinfo
    from typing import Any

LATE_MINUTES = 10  # a busy machine may start us so much later and still means the minute before


def is_due(guard: "dict[str, Any]", now_ms: int) -> bool:
    """Tell whether the schedule fires in the minute for which we were started. Raise OSError or LookupError without the zone.

    guard: zone, None for what this machine's own clock shows; minutes, hours, days, months, weekdays (0 is Sunday); is_both:
    day and weekday must both match;
    is_following: minute or hour is a star; at: minutes of the hour, by this machine's clock, in which we are started.
    """
    minute = meant_minute(now_ms // 60_000, guard["at"])
    if guard["zone"] is None:
        return fires(guard, minute, None)
    from zoneinfo import ZoneInfo

    return fires(guard, minute, ZoneInfo(guard["zone"]))


def meant_minute(minute: int, at: "list[int]") -> int:
    """Return the newest minute, counted from 1970, that the crontab line means; this one if none of the last few is."""
    for back in range(LATE_MINUTES):
        if time.localtime((minute - back) * 60).tm_min in at:
            return minute - back
    return minute


def fires(guard: "dict[str, Any]", minute: int, zone: "tzinfo | None") -> bool:
    """Tell whether the schedule fires in this minute, counted from 1970. zone: None for this machine's own."""
    from datetime import datetime, timedelta

    here, before = (datetime.fromtimestamp((minute - back) * 60, zone) for back in (0, 1))
    if matches(guard, here) and (guard["is_following"] or not here.fold):
        return True
    if guard["is_following"]:
        return False
    last = before.replace(tzinfo=None, fold=0)
    skipped = round((here.replace(tzinfo=None, fold=0) - last).total_seconds() / 60) - 1
    return any(matches(guard, last + timedelta(minutes=i + 1)) for i in range(skipped))


def matches(guard: "dict[str, Any]", moment: "datetime") -> bool:
    if moment.minute not in guard["minutes"] or moment.hour not in guard["hours"] or moment.month not in guard["months"]:
        return False
    is_day, is_weekday = moment.day in guard["days"], moment.isoweekday() % 7 in guard["weekdays"]
    return (is_day and is_weekday) if guard["is_both"] else (is_day or is_weekday)
