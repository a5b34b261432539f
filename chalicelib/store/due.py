"""The due table: tickets by the minute in which to look, and how far the sweep has come."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import PynamoDBException

from chalicelib.domain import times
from chalicelib.domain.due import KEPT, Ticket
from chalicelib.domain.errors import Conflict
from chalicelib.domain.slots import Window
from chalicelib.store.tables import MomentAttribute, Table, WholeNumber, is_condition_failure, store_errors, table_name

_SWEEP = "sweep"
_MARK = "mark"
_OUTAGE = "outage#"


class DueItem(Table):
    class Meta:
        table_name = table_name("due")

    bucket = UnicodeAttribute(hash_key=True)
    about = UnicodeAttribute(range_key=True)
    ttl = WholeNumber(null=True)
    # Of a ticket.
    after = MomentAttribute(null=True)
    rule = UnicodeAttribute(null=True)
    missed = WholeNumber(null=True)
    # Of the sweep's mark.
    reached_at = MomentAttribute(null=True)
    lease_until = MomentAttribute(null=True)
    owner = UnicodeAttribute(null=True)
    # Of an outage of ours.
    since = MomentAttribute(null=True)
    until = MomentAttribute(null=True)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to sweep. reached_at: the last minute that was swept whole, None before the first."""

    owner: str
    reached_at: datetime | None


def put(ticket: Ticket) -> None:
    """Put a ticket; one write unit. A second one for the same instance and minute takes the place of the first."""
    about = f"{ticket.tenant_id}#{ticket.endpoint_id}#{ticket.job_id}"
    with store_errors():
        DueItem(
            _bucket(ticket.due_at, ticket.shard),
            about,
            after=ticket.after,
            rule=ticket.rule,
            missed=ticket.missed or None,
            ttl=int((ticket.due_at + KEPT).timestamp()),
        ).save()


def list_of(minute: datetime, shard: int) -> Iterator[Ticket]:
    """Yield the tickets of one minute and shard; one Query a megabyte."""
    with store_errors():
        for item in DueItem.query(_bucket(minute, shard), consistent_read=True):
            tenant_id, endpoint_id, job_id = item.about.split("#")
            yield Ticket(tenant_id, endpoint_id, job_id, minute, item.after, item.rule, int(item.missed or 0))


def take_lease(owner: str, now: datetime, until: datetime) -> Lease | None:
    """Take the right to sweep until a moment, None if somebody else has it."""
    mark = DueItem(_SWEEP, _MARK)
    is_free = DueItem.lease_until.does_not_exist() | (DueItem.lease_until <= now)
    try:
        with store_errors():
            mark.update(actions=[DueItem.lease_until.set(until), DueItem.owner.set(owner)], condition=is_free)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        return None
    return Lease(owner, mark.reached_at)


def advance(lease: Lease, reached_at: datetime) -> Lease:
    """Write down that a minute has been swept whole. Raise Conflict if the lease was lost meanwhile."""
    _keep(lease, [DueItem.reached_at.set(reached_at)])
    return Lease(lease.owner, reached_at)


def give_back(lease: Lease) -> None:
    """End a lease. Raise Conflict if it was lost meanwhile."""
    _keep(lease, [DueItem.lease_until.remove()])


def _keep(lease: Lease, actions: list[object]) -> None:
    try:
        with store_errors():
            DueItem(_SWEEP, _MARK).update(actions=actions, condition=DueItem.owner == lease.owner)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise Conflict("another sweep has taken over") from e


def note_outage(outage: Window, kept_until: datetime) -> None:
    """Remember a time in which nobody swept. Twice is the same as once."""
    since = f"{_OUTAGE}{times.to_text(outage.since)}"
    with store_errors():
        DueItem(_SWEEP, since, since=outage.since, until=outage.until, ttl=int(kept_until.timestamp())).save()


def outages(now: datetime, back: timedelta) -> list[Window]:
    """Return the times in which nobody swept, of those that ended within the span before now."""
    with store_errors():
        found = list(DueItem.query(_SWEEP, DueItem.about.startswith(_OUTAGE), consistent_read=True))
    return [Window("outage", item.since, item.until) for item in found if item.until > now - back]


def _bucket(minute: datetime, shard: int) -> str:
    return f"due#{int(minute.timestamp()) // 60}#{shard}"
