"""What tenants used: one item for tenant and month, in the counters table."""

from datetime import datetime, timedelta

from pynamodb.attributes import UnicodeAttribute
from pynamodb.connection import TableConnection

from chalicelib.domain.usage import Usage
from chalicelib.store.counters import CounterItem
from chalicelib.store.tables import Table, WholeNumber, store_errors, table_name

KEPT = timedelta(days=800)


class UsageItem(Table):
    class Meta:
        table_name = table_name("counters")

    key = UnicodeAttribute(hash_key=True)
    calls = WholeNumber(default=0)
    check_ins = WholeNumber(default=0)
    stored_bytes = WholeNumber(default=0)
    ttl = WholeNumber()

    @classmethod
    def _get_connection(cls) -> TableConnection:
        # A client takes each table once, and the counters' model brings this one.
        return CounterItem._get_connection()


def add(tenant_id: str, month: str, used: Usage, now: datetime) -> None:
    """Add to what the tenant used in a month, in one write."""
    actions = [
        UsageItem.calls.add(used.calls),
        UsageItem.check_ins.add(used.check_ins),
        UsageItem.stored_bytes.add(used.stored_bytes),
        UsageItem.ttl.set(int((now + KEPT).timestamp())),
    ]
    with store_errors():
        UsageItem(_key(tenant_id, month)).update(actions=actions)


def find(tenant_id: str, month: str) -> Usage:
    """Return what the tenant used in a month."""
    try:
        with store_errors():
            item = UsageItem.get(_key(tenant_id, month))
    except UsageItem.DoesNotExist:
        return Usage()
    return Usage(int(item.calls), int(item.check_ins), int(item.stored_bytes))


def _key(tenant_id: str, month: str) -> str:
    return f"usage#{tenant_id}#{month}"
