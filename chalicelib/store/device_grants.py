"""Device logins under way, in the tokens table: one item under the digest of the device code, and one that leads there
from the digest of the code that a person types. Neither is in an index."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.connection import TableConnection
from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.domain.device import Grant, GrantState
from chalicelib.domain.errors import Conflict
from chalicelib.store.tables import MomentAttribute, Table, connection, is_condition_failure, store_errors, table_name
from chalicelib.store.tokens import TokenItem

# So long a program that asks too late is told that it is, and not that its code is unknown.
KEPT_AFTER_EXPIRY = timedelta(hours=1)


class GrantItem(Table):
    class Meta:
        table_name = table_name("tokens")

    digest = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(default="device")
    device = UnicodeAttribute(null=True)
    client_id = UnicodeAttribute(null=True)
    client = UnicodeAttribute(null=True)
    address = UnicodeAttribute(null=True)
    created_at = MomentAttribute(null=True)
    expires_at = MomentAttribute(null=True)
    state = UnicodeAttribute(null=True)
    approved_by = UnicodeAttribute(null=True)
    interval_s = NumberAttribute(null=True)
    polled_at = MomentAttribute(null=True)
    ttl = NumberAttribute(null=True)

    @classmethod
    def _get_connection(cls) -> TableConnection:
        # A client takes each table once, and the tokens' model brings this one.
        return TokenItem._get_connection()


def save(grant: Grant, code_digest: str) -> None:
    """Store a new device login with the code that a person types. Raise Conflict if either code is taken."""
    ttl = int((grant.expires_at + KEPT_AFTER_EXPIRY).timestamp())
    item = GrantItem(
        _key(grant.digest),
        client_id=grant.client_id,
        client=grant.client,
        address=grant.address,
        created_at=grant.created_at,
        expires_at=grant.expires_at,
        state=grant.state,
        interval_s=grant.interval_s,
        ttl=ttl,
    )
    leads_there = GrantItem(_code_key(code_digest), device=grant.digest, expires_at=grant.expires_at, ttl=ttl)
    try:
        with store_errors(), TransactWrite(connection=connection()) as transaction:
            transaction.save(item, condition=GrantItem.digest.does_not_exist())
            transaction.save(leads_there, condition=GrantItem.digest.does_not_exist())
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise Conflict("this code is in use") from e


def find(digest: str) -> Grant | None:
    """Return the device login of this device code's digest, whatever became of it, or None."""
    item = _get(_key(digest))
    return _grant(digest, item) if item else None


def find_by_code(code_digest: str) -> Grant | None:
    """Return the device login of this user code's digest, whatever became of it, or None."""
    item = _get(_code_key(code_digest))
    return find(item.device) if item else None


def decide(grant: Grant, state: GrantState, tenant_id: str, now: datetime) -> None:
    """Write down what a person decided. Raise Conflict if somebody has decided already, or it is too late."""
    condition = (GrantItem.state == "pending") & (GrantItem.expires_at > now)
    _update(grant, [GrantItem.state.set(state), GrantItem.approved_by.set(tenant_id)], condition)


def use_up(grant: Grant) -> None:
    """Write down that the device code was exchanged. Raise Conflict if it was before, or is not approved."""
    _update(grant, [GrantItem.state.set("used")], GrantItem.state == "approved")


def note_poll(grant: Grant, interval_s: int, now: datetime) -> None:
    """Write down that the program asked, and how long it has to wait from now on."""
    _update(grant, [GrantItem.polled_at.set(now), GrantItem.interval_s.set(interval_s)], GrantItem.digest.exists())


def _update(grant: Grant, actions: list[Action], condition: Condition) -> None:
    try:
        with store_errors():
            GrantItem(_key(grant.digest)).update(actions=actions, condition=condition)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise Conflict("this code has been answered already, or has expired") from e


def _get(key: str) -> Any:
    try:
        with store_errors():
            return GrantItem.get(key, consistent_read=True)
    except GrantItem.DoesNotExist:
        return None


def _grant(digest: str, item: GrantItem) -> Grant:
    return Grant(
        digest=digest,
        client_id=item.client_id or "",
        client=item.client or "",
        address=item.address or "",
        created_at=(item.created_at or datetime.fromtimestamp(0, UTC)),
        expires_at=(item.expires_at or datetime.fromtimestamp(0, UTC)),
        state=cast(GrantState, item.state),
        tenant_id=item.approved_by,
        interval_s=int(item.interval_s or 0),
        polled_at=item.polled_at,
    )


def _key(digest: str) -> str:
    return f"device#{digest}"


def _code_key(code_digest: str) -> str:
    return f"usercode#{code_digest}"
