"""The tokens table: every bearer token but the short-lived JWT, under the SHA-256 of the token."""

from datetime import UTC, datetime, timedelta

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.domain.credentials import ID_PREFIX, Credential
from chalicelib.domain.errors import Conflict, NotFound, Unauthenticated
from chalicelib.domain.tokens import TokenKind
from chalicelib.store.tables import (
    MomentAttribute,
    Table,
    is_condition_failure,
    store_errors,
    suppress_condition_failure,
    table_name,
)

# An expired or spent token stays for a while, so that its list can say what became of it and reuse can be noticed.
KEPT_AFTER_EXPIRY = timedelta(days=7)


class TenantIndex(GlobalSecondaryIndex["TokenItem"]):
    class Meta:
        index_name = "tenant"
        projection = AllProjection()

    tenant_id = UnicodeAttribute(hash_key=True)
    token_id = UnicodeAttribute(range_key=True)


class TokenItem(Table):
    class Meta:
        table_name = table_name("tokens")

    digest = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute()
    tenant_id = UnicodeAttribute()
    token_id = UnicodeAttribute()
    owner = UnicodeAttribute()
    name = UnicodeAttribute()
    created_at = MomentAttribute()
    expires_at = MomentAttribute(null=True)
    max_uses = NumberAttribute(null=True)
    uses = NumberAttribute(default=0)
    last_used_at = MomentAttribute(null=True)
    family = UnicodeAttribute(null=True)
    scopes = UnicodeSetAttribute(null=True)
    last4 = UnicodeAttribute(null=True)
    is_suspended = BooleanAttribute(null=True)
    created_ip = UnicodeAttribute(null=True)
    last_used_ip = UnicodeAttribute(null=True)
    retention_days = NumberAttribute(null=True)
    ttl = NumberAttribute(null=True)
    tenant_index = TenantIndex()


def save(credential: Credential) -> None:
    """Store a new credential. Raise Conflict if there is one of this digest already."""
    try:
        with store_errors():
            _item(credential).save(condition=TokenItem.digest.does_not_exist())
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise Conflict("this token is there already") from e


def find(digest: str) -> Credential | None:
    """Return the credential of this digest whether or not it is in force, or None."""
    try:
        with store_errors():
            return _credential(TokenItem.get(digest, consistent_read=True))
    except TokenItem.DoesNotExist:
        return None


def list_of_tenant(tenant_id: str, kind: TokenKind) -> list[Credential]:
    """Return the tenant's credentials of one kind, newest first."""
    # Refresh tokens outnumber what people make; a prefix keeps them from being read only to be dropped.
    prefix = TokenItem.token_id.startswith(ID_PREFIX[kind]) if kind in ID_PREFIX else None
    with store_errors():
        found = TokenItem.tenant_index.query(
            tenant_id, prefix, scan_index_forward=False, filter_condition=TokenItem.kind == kind
        )
        return [_credential(item) for item in found]


def delete(digest: str) -> None:
    """Delete a credential; one that is gone already stays gone. It is dead from the next request on."""
    with store_errors():
        TokenItem(digest).delete()


def load_of_tenant(tenant_id: str, kind: TokenKind, token_id: str) -> Credential:
    """Return the tenant's credential with this id. Raise NotFound if it has none of this kind."""
    with store_errors():
        found = list(TokenItem.tenant_index.query(tenant_id, TokenItem.token_id == token_id))
    if not found or found[0].kind != kind:
        raise NotFound(f"no {kind} token {token_id!r}")
    return _credential(found[0])


def delete_of_tenant(tenant_id: str, kind: TokenKind, token_id: str) -> None:
    """Delete the tenant's credential with this id. Raise NotFound if it has none of this kind."""
    delete(load_of_tenant(tenant_id, kind, token_id).digest)


def amend(before: Credential, after: Credential) -> None:
    """Write down the new name or expiry. Raise NotFound if the credential was deleted meanwhile: it stays so."""
    actions: list[Action] = []
    if after.name != before.name:
        actions.append(TokenItem.name.set(after.name))
    if after.expires_at is None and before.expires_at:
        actions += [TokenItem.expires_at.remove(), TokenItem.ttl.remove()]
    elif after.expires_at and after.expires_at != before.expires_at:
        actions += [TokenItem.expires_at.set(after.expires_at), TokenItem.ttl.set(_ttl(after.expires_at))]
    if not actions:
        return
    try:
        with store_errors():
            TokenItem(before.digest).update(actions=actions, condition=TokenItem.digest.exists())
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise NotFound(f"no {before.kind} token {before.token_id!r}") from e


def note_use(credential: Credential, now: datetime, address: str, *, unless_after: datetime) -> None:
    """Write down that the credential was used and from where, unless it is gone or a use after that moment is noted already."""
    is_due = TokenItem.last_used_at.does_not_exist() | (TokenItem.last_used_at <= unless_after)
    try:
        with store_errors():
            TokenItem(credential.digest).update(
                actions=[TokenItem.last_used_at.set(now), TokenItem.last_used_ip.set(address)],
                condition=TokenItem.digest.exists() & is_due,
            )
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise


def set_retention(credential: Credential, days: int) -> None:
    """Write down for how long what comes with this credential is kept; one that is gone stays gone."""
    with store_errors(), suppress_condition_failure():
        TokenItem(credential.digest).update(actions=[TokenItem.retention_days.set(days)], condition=TokenItem.digest.exists())


def delete_family(tenant_id: str, family: str) -> int:
    """Delete every refresh token of one session and return how many there were."""
    found = [credential for credential in list_of_tenant(tenant_id, "refresh") if credential.family == family]
    for credential in found:
        delete(credential.digest)
    return len(found)


def delete_all(tenant_id: str, kind: TokenKind) -> int:
    """Delete every credential of one kind that the tenant has and return how many there were."""
    found = list_of_tenant(tenant_id, kind)
    for credential in found:
        delete(credential.digest)
    return len(found)


def suspend_all(tenant_id: str, *, is_suspended: bool) -> int:
    """Let every credential of a tenant say that its account is suspended, or work again, and return how many there are."""
    action = TokenItem.is_suspended.set(True) if is_suspended else TokenItem.is_suspended.remove()
    count = 0
    with store_errors():
        for item in TokenItem.tenant_index.query(tenant_id):
            with suppress_condition_failure():  # deleted meanwhile
                TokenItem(item.digest).update(actions=[action], condition=TokenItem.digest.exists())
            count += 1
    return count


def spend(credential: Credential, now: datetime, address: str = "") -> None:
    """Count one use. address: where it comes from.

    Raise Unauthenticated if that would be one too many, however many ask at once.
    """
    condition = TokenItem.digest.exists()
    if credential.max_uses is not None:
        condition &= TokenItem.uses < credential.max_uses
    try:
        with store_errors():
            TokenItem(credential.digest).update(
                actions=[TokenItem.uses.add(1), TokenItem.last_used_at.set(now), TokenItem.last_used_ip.set(address)],
                condition=condition,
            )
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise Unauthenticated("this token has been used up; make a new one") from e


def _item(credential: Credential) -> TokenItem:
    expires_at = credential.expires_at
    return TokenItem(
        credential.digest,
        kind=credential.kind,
        tenant_id=credential.tenant_id,
        token_id=credential.token_id,
        owner=credential.owner,
        name=credential.name,
        created_at=credential.created_at,
        expires_at=expires_at,
        max_uses=credential.max_uses,
        uses=credential.uses,
        family=credential.family,
        scopes=set(credential.scopes) or None,
        last4=credential.last4 or None,
        is_suspended=credential.is_suspended or None,
        created_ip=credential.created_ip or None,
        retention_days=credential.retention_days,
        ttl=_ttl(expires_at) if expires_at else None,
    )


def _ttl(expires_at: datetime) -> int:
    return int((expires_at + KEPT_AFTER_EXPIRY).timestamp())


def _credential(item: TokenItem) -> Credential:
    return Credential(
        digest=item.digest,
        kind=item.kind,
        tenant_id=item.tenant_id,
        token_id=item.token_id,
        owner=item.owner,
        name=item.name,
        created_at=item.created_at.astimezone(UTC),
        expires_at=item.expires_at,
        max_uses=int(item.max_uses) if item.max_uses is not None else None,
        uses=int(item.uses),
        last_used_at=item.last_used_at,
        family=item.family,
        scopes=frozenset(item.scopes or ()),
        last4=item.last4 or "",
        is_suspended=bool(item.is_suspended),
        created_ip=item.created_ip or "",
        last_used_ip=item.last_used_ip or "",
        retention_days=int(item.retention_days) if item.retention_days else None,
    )
