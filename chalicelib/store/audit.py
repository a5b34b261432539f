"""The audit table: append only. Nothing here updates or deletes, and the application's role may not either."""

import json
from collections.abc import Iterator

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import PynamoDBException

from chalicelib.domain import audit, times
from chalicelib.domain.audit import Act, Entry
from chalicelib.domain.errors import Conflict
from chalicelib.store.tables import Table, WholeNumber, is_condition_failure, store_errors, table_name

# Of twenty functions that append to one log at the same moment, the last one loses nineteen times.
TRIES = 25


class AuditItem(Table):
    """entry: the canonical JSON that was sealed, byte for byte."""

    class Meta:
        table_name = table_name("audit")

    tenant_id = UnicodeAttribute(hash_key=True)
    seq = WholeNumber(range_key=True)
    entry = UnicodeAttribute()
    prev_hash = UnicodeAttribute()
    hash = UnicodeAttribute()
    ttl = WholeNumber()


def append(act: Act) -> Entry:
    """Put the act at the end of its tenant's log and return its entry.

    Raise Conflict if others were faster each time, Unavailable if the table does not answer.
    """
    for _ in range(TRIES):
        entry = audit.follow(head(act.tenant_id), act)
        try:
            with store_errors():
                _item(act.tenant_id, entry).save(condition=AuditItem.tenant_id.does_not_exist())
        except PynamoDBException as e:
            if not is_condition_failure(e):
                raise
        else:
            return entry
    raise Conflict(f"{TRIES} others wrote into this audit log at the same moment")


def head(tenant_id: str) -> Entry | None:
    """Return the newest entry, or None."""
    return next(iter(newest(tenant_id, None, 1)), None)


def find(tenant_id: str, seq: int) -> Entry | None:
    """Return the entry with this number, or None."""
    try:
        with store_errors():
            return _entry(AuditItem.get(tenant_id, seq, consistent_read=True))
    except AuditItem.DoesNotExist:
        return None


def newest(tenant_id: str, before_seq: int | None, limit: int) -> Iterator[Entry]:
    """Yield up to `limit` entries, newest first, all of them older than number `before_seq`."""
    condition = AuditItem.seq < before_seq if before_seq is not None else None
    with store_errors():
        for item in AuditItem.query(tenant_id, condition, scan_index_forward=False, limit=limit, consistent_read=True):
            yield _entry(item)


def oldest(tenant_id: str, after_seq: int, limit: int) -> Iterator[Entry]:
    """Yield up to `limit` entries, oldest first, all of them newer than number `after_seq`."""
    with store_errors():
        for item in AuditItem.query(tenant_id, AuditItem.seq > after_seq, limit=limit, consistent_read=True):
            yield _entry(item)


def _item(tenant_id: str, entry: Entry) -> AuditItem:
    return AuditItem(
        tenant_id,
        entry.seq,
        entry=audit.canonical(entry.facts),
        prev_hash=entry.prev_hash,
        hash=entry.hash,
        ttl=int(audit.expires_at(entry).timestamp()),
    )


def _entry(item: AuditItem) -> Entry:
    try:
        facts = json.loads(item.entry)
    except ValueError:
        # Somebody else than us wrote here. It is shown and never verifies.
        facts = {"seq": int(item.seq), "at": times.to_text(times.from_millis(0)), "action": "unreadable", "outcome": "failed"}
    return Entry(facts, item.prev_hash, item.hash)
