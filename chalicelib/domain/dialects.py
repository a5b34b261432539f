"""What a schedule means to each cron, where that is not what cron(8) and crontab(5) of Debian say."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Clock = Literal["cron", "plain", "once"]
Days = Literal["star", "either", "both"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """clock: what becomes of a reading of the clock that daylight saving time skips or repeats.
    "cron": cron(8)'s rules. "plain": skipped, it never comes; repeated, it comes twice. "once": it counts the first time only.

    days: when a day of the month and a weekday are both asked for. "star": both must match if one begins with a star, else
    either is enough. "either", "both": always so.
    is_numeric: its fields are safe only as plain numbers. first_day: where `*/n` begins to count the days of a month.
    is_tried: how its clock behaves has been seen; else what its manual says of it is not built upon.
    has_one_way: its versions agree on day and weekday; else a schedule that asks for both is never left to it.
    """

    clock: Clock = "cron"
    days: Days = "star"
    is_numeric: bool = False
    first_day: int = 1
    is_tried: bool = True
    has_one_way: bool = True

    @property
    def is_crons(self) -> bool:
        """Tell whether every schedule means what cron(8) says."""
        return self == CRON


CRON = Dialect()
# systemd-cron 1.15 takes `nov` for October and drops a range of weekdays that ends on Sunday, so that it means every day;
# version 2 wants either of day and weekday, says its manual. busybox knows no 7 for Sunday, and `*/10` of its days are the
# 10th, 20th and 30th.
DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "debian": CRON,
        "cronie": CRON,
        "vixie": CRON,
        "vixie-macos": CRON,
        "busybox": Dialect(clock="plain", days="either", is_numeric=True, first_day=0),
        "systemd-cron": Dialect(clock="once", days="both", is_numeric=True, has_one_way=False),
        "bcron": Dialect(days="either", is_numeric=True, is_tried=False),
    }
)


def of(flavour: str | None) -> Dialect:
    """Return a cron's dialect by its name; of one nobody knows, cron(8)'s. Task Scheduler's tasks are made to mean that too."""
    return DIALECTS.get(flavour or "", CRON)
