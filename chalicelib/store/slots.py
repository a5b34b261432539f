"""The slots table: what silence meant. Slots that have runs are not kept: the ledger knows them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import PynamoDBException

from chalicelib.domain import times
from chalicelib.domain.slots import Slot, SlotState
from chalicelib.store.tables import MomentAttribute, Table, WholeNumber, is_condition_failure, store_errors, table_name

RETENTION = timedelta(days=90)


class SlotItem(Table):
    class Meta:
        table_name = table_name("slots")

    job_key = UnicodeAttribute(hash_key=True)
    slot_key = UnicodeAttribute(range_key=True)
    at = MomentAttribute()
    state = UnicodeAttribute()
    why = UnicodeAttribute(null=True)
    noted_at = MomentAttribute()
    ttl = WholeNumber()


@dataclass(frozen=True, slots=True)
class Noted:
    """A slot of one instance as it was decided, and when."""

    endpoint_id: str
    slot: Slot
    noted_at: datetime


def note(tenant_id: str, job_id: str, noted: Noted) -> bool:
    """Keep what a slot was decided to be and say whether that is news; one write unit. What was decided first stays."""
    slot = noted.slot
    item = SlotItem(
        f"{tenant_id}#{job_id}",
        f"{_digits(slot.at)}#{noted.endpoint_id}",
        at=slot.at,
        state=slot.state,
        why=slot.why,
        noted_at=noted.noted_at,
        ttl=int((slot.at + RETENTION).timestamp()),
    )
    try:
        with store_errors():
            item.save(condition=SlotItem.job_key.does_not_exist())
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        return False
    return True


def list_of_job(tenant_id: str, job_id: str, since: datetime, until: datetime, now: datetime) -> Iterator[Noted]:
    """Yield what was decided about the job's slots from `since` up to, and without, `until`, oldest first."""
    span = SlotItem.slot_key.between(_digits(since), _digits(until))
    with store_errors():
        for item in SlotItem.query(f"{tenant_id}#{job_id}", span):
            if item.ttl > now.timestamp():
                slot = Slot(item.at, cast(SlotState, item.state), why=item.why)
                yield Noted(item.slot_key.partition("#")[2], slot, item.noted_at)


def _digits(moment: datetime) -> str:
    return f"{times.to_millis(moment):015}"
