"""Machines that their tenants let go. They lie in the tokens table under keys of their own, and in no index.

A machine's id is all that another tenant brings along, so this is how its former endpoints are found.
"""

from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.connection import TableConnection

from chalicelib.store.tables import Table, store_errors, table_name
from chalicelib.store.tokens import TokenItem


class ReleaseItem(Table):
    class Meta:
        table_name = table_name("tokens")

    digest = UnicodeAttribute(hash_key=True)
    endpoints = UnicodeSetAttribute(null=True)
    ttl = NumberAttribute(null=True)

    @classmethod
    def _get_connection(cls) -> TableConnection:
        # A client takes each table once, and the tokens' model brings this one.
        return TokenItem._get_connection()


def add(machine_id: str, tenant_id: str, endpoint_id: str, until: datetime) -> None:
    """Note that this tenant lets this machine go. The endpoint itself says until when."""
    with store_errors():
        ReleaseItem(_key(machine_id)).update(
            actions=[
                ReleaseItem.endpoints.add({f"{tenant_id}/{endpoint_id}"}),
                ReleaseItem.ttl.set(int(until.timestamp())),
            ]
        )


def list_of_machine(machine_id: str) -> list[tuple[str, str]]:
    """Return tenant and endpoint id of what once was noted for this machine; whether it still holds, the endpoint says."""
    try:
        with store_errors():
            found = ReleaseItem.get(_key(machine_id), consistent_read=True).endpoints or set()
    except ReleaseItem.DoesNotExist:
        return []
    return [(tenant_id, endpoint_id) for tenant_id, _, endpoint_id in (noted.partition("/") for noted in sorted(found))]


def _key(machine_id: str) -> str:
    return f"release#{machine_id}"
