"""Failed logins, and which addresses an account logs in from. They lie in the counters table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.connection import TableConnection
from pynamodb.exceptions import PynamoDBException

from chalicelib.store.counters import CounterItem
from chalicelib.store.tables import MomentAttribute, Table, WholeNumber, is_condition_failure, store_errors, table_name


@dataclass(frozen=True, slots=True)
class Failures:
    """How often logging in failed in a row, and when last."""

    key: str
    count: int
    last_at: datetime


class FailureItem(Table):
    class Meta:
        table_name = table_name("counters")

    key = UnicodeAttribute(hash_key=True)
    n = WholeNumber()
    last_at = MomentAttribute()
    ttl = WholeNumber()

    @classmethod
    def _get_connection(cls) -> TableConnection:
        # A client takes each table once, and the counters' model brings this one.
        return CounterItem._get_connection()


def find_all(keys: Sequence[str]) -> dict[str, Failures]:
    """Return what is stored under these keys, in one read; keys without anything are left out."""
    with store_errors():
        return {
            item.key: Failures(item.key, int(item.n), item.last_at)
            for item in FailureItem.batch_get(keys, consistent_read=True)
        }


def put(failures: Failures, before: Failures | None, expires_at: datetime) -> bool:
    """Store what there is now in place of `before`, and tell whether that was still what is stored."""
    actions = [
        FailureItem.n.set(failures.count),
        FailureItem.last_at.set(failures.last_at),
        FailureItem.ttl.set(int(expires_at.timestamp())),
    ]
    unchanged = FailureItem.key.does_not_exist()
    if before:
        unchanged = (FailureItem.n == before.count) & (FailureItem.last_at == before.last_at)
    try:
        with store_errors():
            FailureItem(failures.key).update(actions=actions, condition=unchanged)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        return False
    return True


def set_to(failures: Failures, expires_at: datetime) -> None:
    """Store what there is now, whatever was there."""
    with store_errors():
        FailureItem(failures.key, n=failures.count, last_at=failures.last_at, ttl=int(expires_at.timestamp())).save()
