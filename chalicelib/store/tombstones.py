"""What became of endpoint tokens that are no more, so that an agent can be told why it is shut out.

They lie in the tokens table beside the tokens, under a key of their own, and in no index.
"""

from datetime import datetime, timedelta
from typing import Literal, cast

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.connection import TableConnection

from chalicelib.store.tables import Table, store_errors, table_name
from chalicelib.store.tokens import TokenItem

# Longer than a machine is usually switched off. After that its token is merely unknown.
KEPT = timedelta(days=366)

Fate = Literal["revoked", "gone"]


class TombstoneItem(Table):
    class Meta:
        table_name = table_name("tokens")

    digest = UnicodeAttribute(hash_key=True)
    fate = UnicodeAttribute()
    ttl = NumberAttribute()

    @classmethod
    def _get_connection(cls) -> TableConnection:
        # A client takes each table once, and the tokens' model brings this one.
        return TokenItem._get_connection()


def put(digest: str, fate: Fate, now: datetime) -> None:
    """Note what became of the token with this digest. The newest fate counts."""
    with store_errors():
        TombstoneItem(_key(digest), fate=fate, ttl=int((now + KEPT).timestamp())).save()


def find(digest: str) -> Fate | None:
    """Return what became of the token with this digest, None if nothing is known."""
    try:
        with store_errors():
            return cast(Fate, TombstoneItem.get(_key(digest)).fate)
    except TombstoneItem.DoesNotExist:
        return None


def _key(digest: str) -> str:
    return f"tombstone#{digest}"
