"""The tenants table: accounts, and one small item per e-mail address that keeps it unique."""

from collections.abc import Sequence
from datetime import datetime

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.transactions import TransactWrite

from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.domain.tenants import RETENTION_DAYS, UNVERIFIED_LIFE, Tenant, TenantState, email_digest
from chalicelib.store.tables import MomentAttribute, Table, connection, is_condition_failure, store_errors, table_name


class AccountsIndex(GlobalSecondaryIndex["TenantItem"]):
    """The accounts of one state, by name. Items that only keep an address have no state and are not in it."""

    class Meta:
        index_name = "accounts"
        projection = AllProjection()

    state = UnicodeAttribute(hash_key=True)
    tenant_id = UnicodeAttribute(range_key=True)


class TenantItem(Table):
    class Meta:
        table_name = table_name("tenants")

    tenant_id = UnicodeAttribute(hash_key=True)
    owner = UnicodeAttribute(null=True)
    username = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    password_hash = UnicodeAttribute(null=True)
    state = UnicodeAttribute(null=True)
    setup_step = NumberAttribute(null=True)
    forge_login = UnicodeAttribute(null=True)
    forge_credential = BinaryAttribute(null=True, legacy_encoding=False)
    created_at = MomentAttribute(null=True)
    email_verified_at = MomentAttribute(null=True)
    is_operator = BooleanAttribute(null=True)
    name = UnicodeAttribute(null=True)
    retention_days = NumberAttribute(null=True)
    sessions_end_at = MomentAttribute(null=True)
    suspended_because = UnicodeAttribute(null=True)
    identity_count = NumberAttribute(null=True)
    is_sso_only = BooleanAttribute(null=True)
    # Of accounts whose address nobody has proved yet, and of those addresses: DynamoDB removes them.
    ttl = NumberAttribute(null=True)
    accounts_index = AccountsIndex()


def reserve(tenant: Tenant) -> None:
    """Store a new tenant and its address, both or neither. An unverified one goes by itself after a week.

    Raise Conflict, its problems naming username or email, if either is taken.
    """
    ttl = int((tenant.created_at + UNVERIFIED_LIFE).timestamp()) if tenant.state == "unverified" else None
    item = TenantItem(
        tenant.tenant_id,
        username=tenant.username,
        email=tenant.email,
        password_hash=tenant.password_hash,
        state=tenant.state,
        setup_step=tenant.setup_step,
        forge_login=tenant.forge_login,
        created_at=tenant.created_at,
        email_verified_at=tenant.email_verified_at,
        ttl=ttl,
    )
    address = TenantItem(_address_key(tenant.email), owner=tenant.tenant_id, ttl=ttl)
    # DynamoDB removes late what has expired.
    is_free = TenantItem.tenant_id.does_not_exist() | (TenantItem.ttl < int(tenant.created_at.timestamp()))
    try:
        with store_errors(), TransactWrite(connection=connection()) as transaction:
            transaction.save(item, condition=is_free)
            transaction.save(address, condition=is_free)
    except PynamoDBException as e:
        raise _taken(e) from e


def _taken(error: PynamoDBException) -> Conflict:
    taken = [reason is not None and reason.code == "ConditionalCheckFailed" for reason in error.cancellation_reasons]
    problems = {}
    if taken[0]:
        problems["username"] = "is taken; choose another"
    if taken[1]:
        problems["email"] = "belongs to an account already; log in, or use another address"
    return Conflict(f"{' and '.join(problems)} already in use", problems=problems)


def find(tenant_id: str) -> Tenant | None:
    """Return the tenant, or None."""
    if not tenant_id:
        return None
    try:
        with store_errors():
            item = TenantItem.get(tenant_id, consistent_read=True)
    except TenantItem.DoesNotExist:
        return None
    return _tenant(item) if item.username else None


def find_by_email(email: str) -> Tenant | None:
    """Return the tenant with this address, or None."""
    try:
        with store_errors():
            address = TenantItem.get(_address_key(email))
    except TenantItem.DoesNotExist:
        return None
    return find(address.owner)


def list_of_state(state: TenantState, limit: int, after: str | None = None) -> list[Tenant]:
    """Return up to `limit` accounts of this state by name, those behind the name `after`; one Query."""
    condition = TenantItem.tenant_id > after if after else None
    with store_errors():
        return [_tenant(item) for item in TenantItem.accounts_index.query(state, condition, limit=limit)]


def advance(tenant: Tenant, step: int, *, state: TenantState, forge_credential: bytes | None = None) -> None:
    """Record that `step` steps of the registration are done, and the state then.

    Steps never go back: a slower twin changes nothing.
    """
    actions = [TenantItem.setup_step.set(step), TenantItem.state.set(state)]
    if forge_credential is not None:
        actions.append(TenantItem.forge_credential.set(forge_credential))
    try:
        with store_errors():
            TenantItem(tenant.tenant_id).update(
                actions=actions, condition=(TenantItem.state == tenant.state) & (TenantItem.setup_step < step)
            )
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise


def change_password(tenant: Tenant, password_hash: str) -> None:
    """Replace the password that `tenant` was read with. Raise Conflict if it has been changed since."""
    try:
        with store_errors():
            TenantItem(tenant.tenant_id).update(
                actions=[TenantItem.password_hash.set(password_hash)],
                condition=TenantItem.password_hash == tenant.password_hash,
            )
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise Conflict("the password was changed meanwhile; log in with the new one") from e


def reset_password(tenant: Tenant, password_hash: str, now: datetime) -> None:
    """Replace the password that `tenant` was read with and end all sessions. Raise Conflict if it has been changed since."""
    actions = [TenantItem.password_hash.set(password_hash), TenantItem.sessions_end_at.set(now)]
    _update(tenant, actions, TenantItem.password_hash == tenant.password_hash, "the password was changed meanwhile; ask anew")


def prove_email(tenant: Tenant, state: TenantState, now: datetime) -> None:
    """Write down that the tenant's address is proved, and its next state. Raise Conflict if either has changed since."""
    is_same = (TenantItem.email == tenant.email) & (TenantItem.state == tenant.state)
    proved = [TenantItem.email_verified_at.set(now), TenantItem.state.set(state), TenantItem.ttl.remove()]
    try:
        with store_errors(), TransactWrite(connection=connection()) as transaction:
            transaction.update(TenantItem(tenant.tenant_id), actions=proved, condition=is_same)
            transaction.update(
                TenantItem(_address_key(tenant.email)),
                actions=[TenantItem.ttl.remove()],
                condition=TenantItem.owner == tenant.tenant_id,
            )
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise Conflict("the account was changed meanwhile; look, then try again") from e


def change_email(tenant: Tenant, email: str, now: datetime) -> None:
    """Give the tenant another, proved address. Raise Conflict if somebody else has it, or the old one changed meanwhile."""
    moved = [TenantItem.email.set(email), TenantItem.email_verified_at.set(now)]
    try:
        with store_errors(), TransactWrite(connection=connection()) as transaction:
            transaction.update(TenantItem(tenant.tenant_id), actions=moved, condition=TenantItem.email == tenant.email)
            if email_digest(email) != email_digest(tenant.email):
                transaction.save(
                    TenantItem(_address_key(email), owner=tenant.tenant_id),
                    condition=TenantItem.tenant_id.does_not_exist() | (TenantItem.ttl < int(now.timestamp())),
                )
                transaction.delete(TenantItem(_address_key(tenant.email)), condition=TenantItem.owner == tenant.tenant_id)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise Conflict("the address belongs to another account, or yours was changed meanwhile") from e


def move_to(tenant: Tenant, state: TenantState, now: datetime, *, because: str | None = None) -> None:
    """Give the tenant another state. because: why it is suspended. Raise Conflict if that changed since it was read."""
    actions: list[Action] = [TenantItem.state.set(state)]
    actions.append(TenantItem.suspended_because.set(because) if because else TenantItem.suspended_because.remove())
    if state == "suspended":
        actions.append(TenantItem.sessions_end_at.set(now))
    _update(
        tenant, actions, TenantItem.state == tenant.state, "the account's state was changed meanwhile; look, then try again"
    )


def amend(tenant: Tenant, name: str | None, retention_days: int | None) -> None:
    """Write down another name or retention; None keeps what is there."""
    actions: list[Action] = []
    if name is not None:
        actions.append(TenantItem.name.set(name) if name else TenantItem.name.remove())
    if retention_days is not None:
        actions.append(TenantItem.retention_days.set(retention_days))
    if actions:
        _update(tenant, actions, TenantItem.username.exists(), "the account is gone")


def set_operator(tenant_id: str, *, is_operator: bool) -> None:
    """Make a tenant an operator, or no operator any more. Raise NotFound."""
    try:
        with store_errors():
            TenantItem(tenant_id).update(
                actions=[TenantItem.is_operator.set(True) if is_operator else TenantItem.is_operator.remove()],
                condition=TenantItem.username.exists(),
            )
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise NotFound(f"no tenant {tenant_id!r}") from e


def _update(tenant: Tenant, actions: Sequence[Action], condition: Condition, words: str) -> None:
    """Raise Conflict with these words if the condition does not hold."""
    try:
        with store_errors():
            TenantItem(tenant.tenant_id).update(actions=list(actions), condition=condition)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise Conflict(words) from e


def _address_key(email: str) -> str:
    return f"email#{email_digest(email)}"


def _tenant(item: TenantItem) -> Tenant:
    return Tenant(
        tenant_id=item.tenant_id,
        username=item.username,
        email=item.email,
        password_hash=item.password_hash,
        state=item.state,
        setup_step=int(item.setup_step),
        forge_login=item.forge_login,
        forge_credential=item.forge_credential,
        created_at=item.created_at,
        email_verified_at=item.email_verified_at,
        is_operator=bool(item.is_operator),
        name=item.name or "",
        retention_days=int(item.retention_days or RETENTION_DAYS),
        sessions_end_at=item.sessions_end_at,
        suspended_because=item.suspended_because,
        identity_count=int(item.identity_count or 0),
        is_sso_only=bool(item.is_sso_only),
    )
