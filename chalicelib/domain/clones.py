"""Copies of a machine: two that run at once with one identity must not be taken for one.

An agent makes a random number at each start. A new number takes the place of the one before, as after any restart. Only if
one that was displaced speaks again, both are alive: the older keeps the place, the newer is refused.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.domain.errors import Conflict

# Of each former number so much is kept: enough to tell some dozens apart, and the item stays small.
KEPT_DIGITS = 8
MAX_FORMER = 32
# A copy that is refused asks again once an hour; one that has been silent for a day is gone.
FORGOTTEN_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Process:
    """One life of an agent. instance_id: random, hex, made at its start. boot_id: of the machine's start, None if unknown."""

    instance_id: str
    boot_id: str | None = None


@dataclass(frozen=True, slots=True)
class Seat:
    """Who speaks for an endpoint. former: who did before, oldest first. refused: copies; refused_boots: their machines' starts.

    late_returns: how often a former one seemed to speak again by a request that may just have been slow.
    duplicate_since, duplicate_at: when a copy was noticed first, and heard of last; duplicate_from: its address.
    """

    instance_id: str | None = None
    former: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    refused_boots: tuple[str, ...] = ()
    boot_id: str | None = None
    late_returns: int = 0
    duplicate_since: datetime | None = None
    duplicate_at: datetime | None = None
    duplicate_from: str | None = None

    def has_duplicate(self, now: datetime) -> bool:
        """Tell whether there is a copy that has been heard of within a day."""
        return self.duplicate_at is not None and now - self.duplicate_at < FORGOTTEN_AFTER


def is_refused(seat: Seat, process: Process) -> bool:
    """Tell whether this is a copy, or one whose agent was restarted."""
    boot = _short(process.boot_id)
    is_its_boot = boot is not None and boot in seat.refused_boots and boot != _short(seat.boot_id)
    return _short(process.instance_id) in seat.refused or (is_its_boot and process.instance_id != seat.instance_id)


def take(seat: Seat, process: Process, now: datetime, *, is_late: bool) -> Seat:
    """Return who speaks for the endpoint once this one has spoken. Not for those that are refused.

    is_late: it may have spoken before the last one did, by their own clocks; then it takes two such requests to be sure.
    """
    short = str(_short(process.instance_id))
    if seat.instance_id in (None, process.instance_id):
        return replace(seat, instance_id=process.instance_id, boot_id=process.boot_id)
    current = str(_short(seat.instance_id))
    if short not in seat.former:
        former = (*seat.former, current)[-MAX_FORMER:]
        return replace(seat, instance_id=process.instance_id, boot_id=process.boot_id, former=former, late_returns=0)
    if is_late and not seat.late_returns:
        return replace(seat, late_returns=1)
    place = seat.former.index(short)
    copies = (*seat.former[place + 1 :], current)
    boots = {_short(seat.boot_id), *seat.refused_boots} - {None, _short(process.boot_id)}
    return replace(
        seat,
        instance_id=process.instance_id,
        boot_id=process.boot_id,
        former=seat.former[:place],
        refused=(*seat.refused, *copies)[-MAX_FORMER:],
        refused_boots=tuple(sorted(str(boot) for boot in boots))[-MAX_FORMER:],
        late_returns=0,
        duplicate_since=seat.duplicate_since if seat.has_duplicate(now) else now,
        duplicate_at=now,
    )


def refusal(endpoint_id: str) -> Conflict:
    """Return what a copy is answered."""
    return Conflict(
        f"another machine already speaks for endpoint {endpoint_id}; one of the two needs an identity of its own: run "
        "`crontopus-agent enroll --new-identity` on it",
        code="duplicate_instance",
    )


def problem(seat: Seat, now: datetime) -> str | None:
    """Return in words that a copy is about, None if none is."""
    if not seat.has_duplicate(now):
        return None
    whence = f", last from {seat.duplicate_from}" if seat.duplicate_from else ""
    return (
        f"duplicate_instance: a second machine runs with this one's identity and is refused{whence}; run "
        "`crontopus-agent enroll --new-identity` on one of the two"
    )


def _short(number: str | None) -> str | None:
    return number[:KEPT_DIGITS] if number else None
