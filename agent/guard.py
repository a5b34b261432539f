"""Schedules that the machine's cron would run at other times than they mean, for their zone or for its ways: a crontab line
that fires whenever the schedule might, and the rule by which run-job tells when it does. Why, and at what cost: docs/adr/0016.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from agent import zone_changes
from chalicelib.domain import dialects, schedule
from chalicelib.domain.dialects import Dialect
from chalicelib.domain.schedule import Fields


@dataclass(frozen=True, slots=True)
class Lines:
    """Where our lines stand. zone: the one that a variable above them sets, None if nobody knows it. is_set: there is one."""

    zone: str | None = None
    is_set: bool = False

    def zone_on(self, host_zone: str | None) -> str | None:
        """Return the zone in which they are read on a machine that lives in this one."""
        return self.zone if self.is_set else host_zone


OWN = Lines()


@dataclass(frozen=True, slots=True)
class Guarded:
    """fields: what stands in the crontab. guard: what run-job's `is_due` takes, None where the line alone is right."""

    fields: str
    guard: dict[str, Any] | None = None


Keep = Callable[[str, str | None, str | None], Guarded]


def guarded(expression: str, zone: str | None, host_zone: str | None) -> Guarded:
    """Return how a schedule that means `zone` is kept on a machine whose scheduler lives in `host_zone` (None: unknown).

    expression: as it stands in a crontab, without words such as @daily. The cron is one that does as cron(8) says.
    """
    return _kept(expression, zone, host_zone, host_zone, dialects.CRON)


# The same one for the same cron: a round takes another for a change of the machine, and judges all jobs anew.
@lru_cache(maxsize=16)
def keeper(flavour: str | None, lines: Lines = OWN) -> Keep:
    """Return what `guarded` is on this cron, with our lines in this place."""
    dialect = dialects.of(flavour)
    if dialect.is_crons and lines == OWN:
        return guarded

    def keep(expression: str, zone: str | None, host_zone: str | None) -> Guarded:
        return _kept(expression, zone or (host_zone if lines.is_set else None), host_zone, lines.zone_on(host_zone), dialect)

    return keep


# Tenants have a thousand jobs and a dozen schedules.
@lru_cache(maxsize=4096)
def _kept(expression: str, zone: str | None, host_zone: str | None, lines_zone: str | None, dialect: Dialect) -> Guarded:
    """Return how a schedule is kept. lines_zone: in which our lines are read, None if nobody knows."""
    is_here = zone is None or zone == lines_zone or bool(lines_zone and _is_fixed_alike(zone, lines_zone))
    if is_here and dialect.is_crons:
        return Guarded(expression)
    fields = schedule.fields_of(expression)
    if fields is None:
        return Guarded(expression)
    native = schedule.native(expression, dialect)
    turns = {0} if is_here else _turns(str(zone), lines_zone)
    if is_here:
        is_changed = _is_changed(fields, lines_zone, dialect)
        if native and not is_changed:
            return Guarded(native)
        at = sorted(_minutes(fields, lines_zone)) if is_changed else sorted(fields.minutes)
        # Where only the days are at stake, hours and months stay as narrow as they were.
        rest = "* * * *" if is_changed else _hours_and_months(fields)
    else:
        if native and turns == {0} and fields.is_hourly:
            return Guarded(native)
        at = _turned(_minutes(fields, zone), turns)
        rest = "* * * *"
    is_hosts = lines_zone == host_zone
    guard: dict[str, Any] = {
        # By no name: what this machine's own clock shows needs no data of zones.
        "zone": None if is_here and is_hosts else zone,
        "minutes": sorted(fields.minutes),
        "hours": sorted(fields.hours),
        "days": sorted(fields.days),
        "months": sorted(fields.months),
        "weekdays": sorted(fields.weekdays),
        "is_both": fields.is_both,
        "is_following": fields.is_following,
        # run-job looks at the machine's clock, whatever zone our lines are read in.
        "at": at if is_hosts else _turned(_minutes(fields, zone), _turns(str(zone), host_zone)),
    }
    return Guarded(f"{_text(at, 60)} {rest}", guard)


def _turned(minutes: Iterable[int], turns: Iterable[int]) -> list[int]:
    """Return minutes of the hour as another clock shows them."""
    found = set(turns)
    return sorted({(minute + turn) % 60 for minute in minutes for turn in found})


def _hours_and_months(fields: Fields) -> str:
    return f"{_text(sorted(fields.hours), 24)} * {_text(sorted(fields.months), 12)} *"


def _text(values: Sequence[int], size: int) -> str:
    return "*" if len(values) == size else ",".join(map(str, values))


def _is_changed(fields: Fields, zone: str | None, dialect: Dialect) -> bool:
    """Tell whether this cron runs another set of moments than cron(8) when clocks change, and a guard can help."""
    if (dialect.clock == "cron" and dialect.is_tried) or fields.is_following:
        return False
    readings = {hour * 60 + minute for hour in fields.hours for minute in fields.minutes}
    return not readings.isdisjoint(zone_changes.readings(zone))


def _minutes(fields: Fields, zone: str | None) -> frozenset[int]:
    """Return the minutes of the zone's hours in which it may fire: its own, and those at which a gap of DST ends."""
    return fields.minutes if fields.is_following else fields.minutes | zone_changes.gap_ends(zone)


def _turns(zone: str, host_zone: str | None) -> set[int]:
    """Return by how many minutes the machine's clock may differ from the zone's, whole hours aside."""
    if host_zone is None:
        return set(range(60))
    return {(here - there) % 60 for here in zone_changes.offsets(host_zone) for there in zone_changes.offsets(zone)}


def _is_fixed_alike(one: str, other: str) -> bool:
    """Tell whether both are the same hour all year round, such as UTC and Etc/UTC."""
    return len(zone_changes.offsets(one)) == 1 and zone_changes.offsets(one) == zone_changes.offsets(other)
