"""The counters table: how many requests a caller has sent in a window."""

from datetime import datetime
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.store.tables import (
    MomentAttribute,
    Table,
    WholeNumber,
    is_condition_failure,
    store_errors,
    suppress_condition_failure,
    table_name,
)


class ListedIndex(GlobalSecondaryIndex[Any]):
    """What is listed by its sort, with everything in it; no counter is. See chalicelib/store/blocks.py."""

    class Meta:
        index_name = "listed"
        projection = AllProjection()

    listed = UnicodeAttribute(hash_key=True)
    key = UnicodeAttribute(range_key=True)


class CounterItem(Table):
    class Meta:
        table_name = table_name("counters")

    key = UnicodeAttribute(hash_key=True)
    n = WholeNumber()
    ttl = WholeNumber()
    # A client knows the indexes of the model that brought the table.
    listed_index = ListedIndex()
    # Of a worker's watermark, which is no counter and never expires; see watermarks.py.
    reached_at = MomentAttribute(null=True)


def add(key: str, count: int, at_most: int, expires_at: datetime) -> int | None:
    """Add `count` in one write and return what the counter stands at then.

    None, with nothing added, if it stood at `at_most` or above. key: names its window, so that no late deletion matters.
    """
    item = CounterItem(key)
    actions = [CounterItem.n.add(count), CounterItem.ttl.set(int(expires_at.timestamp()))]
    try:
        with store_errors():
            item.update(actions=actions, condition=CounterItem.n.does_not_exist() | (CounterItem.n < at_most))
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        return None
    return int(item.n)


def is_there(key: str) -> bool:
    """Tell whether anything was ever added under this key."""
    try:
        with store_errors():
            CounterItem.get(key, consistent_read=True, attributes_to_get=["key"])
    except CounterItem.DoesNotExist:
        return False
    return True


def take_back(key: str, count: int) -> None:
    """Undo an addition of `count`, unless the counter is gone."""
    with store_errors(), suppress_condition_failure():
        CounterItem(key).update(actions=[CounterItem.n.add(-count)], condition=CounterItem.n >= count)
