"""As whom of which provider a tenant may log in. An item lies in the tokens table under the digest of issuer and subject, so
that one person of a provider is one tenant; the tenant itself counts them, so that the last way in is never lost to a race."""

import hashlib
from datetime import datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.connection import TableConnection
from pynamodb.exceptions import PynamoDBException
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.transactions import TransactWrite

from chalicelib.domain.errors import Conflict
from chalicelib.domain.sso import Identity
from chalicelib.store.tables import MomentAttribute, Table, connection, is_condition_failure, store_errors, table_name
from chalicelib.store.tenants import TenantItem
from chalicelib.store.tokens import TokenItem

ID_PREFIX = "id-"


class TenantIndex(GlobalSecondaryIndex["IdentityItem"]):
    class Meta:
        index_name = "tenant"
        projection = AllProjection()

    tenant_id = UnicodeAttribute(hash_key=True)
    token_id = UnicodeAttribute(range_key=True)


class IdentityItem(Table):
    class Meta:
        table_name = table_name("tokens")

    digest = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(default="identity")
    tenant_id = UnicodeAttribute()
    token_id = UnicodeAttribute()
    provider = UnicodeAttribute()
    issuer = UnicodeAttribute()
    subject = UnicodeAttribute()
    email = UnicodeAttribute(null=True)
    created_at = MomentAttribute()
    last_used_at = MomentAttribute(null=True)
    tenant_index = TenantIndex()

    @classmethod
    def _get_connection(cls) -> TableConnection:
        # A client takes each table once, and the tokens' model brings this one.
        return TokenItem._get_connection()


def find(issuer: str, subject: str) -> Identity | None:
    """Return the identity of this person, or None."""
    try:
        with store_errors():
            return _identity(IdentityItem.get(_key(issuer, subject), consistent_read=True))
    except IdentityItem.DoesNotExist:
        return None


def list_of_tenant(tenant_id: str) -> list[Identity]:
    """Return the tenant's identities, the first one linked first."""
    with store_errors():
        found = IdentityItem.tenant_index.query(tenant_id, IdentityItem.token_id.startswith(ID_PREFIX))
        return [_identity(item) for item in found]


def link(identity: Identity) -> None:
    """Let this person log in as the tenant. Raise Conflict if the person is linked already, here or elsewhere."""
    item = IdentityItem(
        _key(identity.issuer, identity.subject),
        tenant_id=identity.tenant_id,
        token_id=identity.identity_id,
        provider=identity.provider,
        issuer=identity.issuer,
        subject=identity.subject,
        email=identity.email,
        created_at=identity.linked_at,
        last_used_at=identity.last_used_at,
    )
    try:
        with store_errors(), TransactWrite(connection=connection()) as transaction:
            transaction.save(item, condition=IdentityItem.digest.does_not_exist())
            transaction.update(
                TenantItem(identity.tenant_id),
                actions=[TenantItem.identity_count.add(1)],
                condition=TenantItem.username.exists(),
            )
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise Conflict("this login belongs to an account already", code="sso_linked") from e


def unlink(identity: Identity) -> None:
    """Take this way in away. Raise Conflict if it is the last one, or was taken away at the same moment."""
    # Without identities there must be a password, and the tenant must not have sworn it off.
    has_password = (TenantItem.password_hash.exists()) & (TenantItem.password_hash != "")
    may_use_it = TenantItem.is_sso_only.does_not_exist() | (TenantItem.is_sso_only == False)  # noqa: E712
    try:
        with store_errors(), TransactWrite(connection=connection()) as transaction:
            transaction.delete(
                IdentityItem(_key(identity.issuer, identity.subject)),
                condition=IdentityItem.tenant_id == identity.tenant_id,
            )
            transaction.update(
                TenantItem(identity.tenant_id),
                actions=[TenantItem.identity_count.add(-1)],
                condition=(TenantItem.identity_count > 1) | (has_password & may_use_it),
            )
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        words = "this is the last way into the account; link another or set a password first"
        raise Conflict(words, code="last_way_in") from e


def note_use(identity: Identity, now: datetime) -> None:
    """Write down that the identity was used, unless it is gone."""
    try:
        with store_errors():
            IdentityItem(_key(identity.issuer, identity.subject)).update(
                actions=[IdentityItem.last_used_at.set(now)], condition=IdentityItem.tenant_id == identity.tenant_id
            )
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise


def set_sso_only(tenant_id: str, *, is_sso_only: bool) -> None:
    """Let the tenant log in through providers only, or by password too. Raise Conflict if it has no identity to log in with."""
    condition = TenantItem.username.exists()
    if is_sso_only:
        condition &= TenantItem.identity_count > 0
    try:
        with store_errors():
            TenantItem(tenant_id).update(actions=[TenantItem.is_sso_only.set(is_sso_only)], condition=condition)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise Conflict("no provider is linked to this account; link one first", code="sso_not_linked") from e


def _identity(item: IdentityItem) -> Identity:
    return Identity(
        identity_id=item.token_id,
        tenant_id=item.tenant_id,
        provider=item.provider,
        issuer=item.issuer,
        subject=item.subject,
        email=item.email,
        linked_at=item.created_at,
        last_used_at=item.last_used_at,
    )


def _key(issuer: str, subject: str) -> str:
    return "identity#" + hashlib.sha256(f"{issuer}\0{subject}".encode()).hexdigest()
