"""Links on their way to somebody's mailbox: one item for tenant and purpose, so that a newer one replaces the one before.

They lie in the tokens table beside the tokens, under a key of their own, and in no index.
"""

from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.connection import TableConnection
from pynamodb.exceptions import PynamoDBException

from chalicelib.domain.verification import Purpose, Verification
from chalicelib.store.tables import MomentAttribute, Table, is_condition_failure, store_errors, table_name
from chalicelib.store.tokens import TokenItem


class VerificationItem(Table):
    class Meta:
        table_name = table_name("tokens")

    digest = UnicodeAttribute(hash_key=True)
    secret = UnicodeAttribute()
    email = UnicodeAttribute()
    expires_at = MomentAttribute()
    ttl = NumberAttribute()

    @classmethod
    def _get_connection(cls) -> TableConnection:
        # A client takes each table once, and the tokens' model brings this one.
        return TokenItem._get_connection()


def put(verification: Verification) -> None:
    """Store a link in place of the tenant's one before for this purpose."""
    key = _key(verification.tenant_id, verification.purpose)
    item = VerificationItem(
        key,
        secret=verification.digest,
        email=verification.email,
        expires_at=verification.expires_at,
        ttl=int(verification.expires_at.timestamp()),
    )
    with store_errors():
        item.save()


def find(tenant_id: str, purpose: Purpose) -> Verification | None:
    """Return the tenant's link for this purpose whether or not it is still good, or None."""
    try:
        with store_errors():
            item = VerificationItem.get(_key(tenant_id, purpose), consistent_read=True)
    except VerificationItem.DoesNotExist:
        return None
    return Verification(tenant_id, purpose, item.secret, item.email, item.expires_at)


def take(verification: Verification, now: datetime) -> bool:
    """Use a link up and tell whether that worked: of however many who try, one does, and none after its time."""
    is_same = VerificationItem.secret == verification.digest
    try:
        with store_errors():
            VerificationItem(_key(verification.tenant_id, verification.purpose)).delete(
                condition=is_same & (VerificationItem.expires_at > now)
            )
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        return False
    return True


def _key(tenant_id: str, purpose: Purpose) -> str:
    return f"verification#{purpose}#{tenant_id}"
