"""Part of run-job for Windows: whether a start by one of the task's triggers is one that the job's schedule means.

The triggers start it in every minute of UTC that could be meant; which one is, is decided as under cron. Windows has no data
of time zones, so how the job's clock is set stands in the job's file.
"""

import time
from datetime import datetime, timedelta, timezone, tzinfo

from agent.wrapper.run_guard import fires

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LATE_STARTS = 10  # minutes: a busy machine may start us so much later and still means the minute before
EARLY_MS = 1000  # the scheduler's timer need not go by the clock that we read
DAY = 1440


def is_meant_now(guard: "dict[str, Any]", now_ms: int) -> bool:
    """Tell whether the schedule fires in the minute for which we were started.

    guard: as run_guard's, but clock: [[minute from 1970, minutes ahead of UTC], ...], None for this machine's own; starts: the
    minutes of UTC's day in which we are started, or every how many minutes.
    """
    minute = started_for((now_ms + EARLY_MS) // 60_000, guard["starts"])
    return fires(guard, minute, Table(guard["clock"]) if guard["clock"] else own_clock(minute))


def started_for(minute: int, starts: "list[int] | int") -> int:
    """Return the newest minute, counted from 1970, that the triggers name; this one if none of the last few is."""
    for back in range(LATE_STARTS):
        then = minute - back
        if then % starts == 0 if isinstance(starts, int) else then % DAY in starts:
            return then
    return minute


def own_clock(minute: int) -> tzinfo:
    """Return how far this machine's clock is from UTC just then."""
    return timezone(timedelta(seconds=time.localtime(minute * 60).tm_gmtoff))


class Table(tzinfo):
    """A zone as a table of its changes. It tells the time of a moment; the way back is not asked for."""

    def __init__(self, table: "list[list[int]]") -> None:
        self.table = table

    def fromutc(self, moment: datetime) -> datetime:
        minute = int(moment.replace(tzinfo=timezone.utc).timestamp()) // 60  # noqa: UP017 - it runs on Python 3.9
        number = max((number for number, (since, _) in enumerate(self.table) if since <= minute), default=0)
        since, ahead = self.table[number]
        before = self.table[number - 1][1] if number else ahead
        is_repeat = minute - since < before - ahead
        return (moment + timedelta(minutes=ahead)).replace(fold=int(is_repeat))

    def utcoffset(self, moment: "datetime | None") -> "timedelta | None":
        return None

    def dst(self, moment: "datetime | None") -> "timedelta | None":
        return None

    def tzname(self, moment: "datetime | None") -> "str | None":
        return None
