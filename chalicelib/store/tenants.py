"""The tenants table: accounts, and one small item per e-mail address that keeps it unique."""

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.transactions import TransactWrite

from chalicelib.domain.errors import Conflict
from chalicelib.domain.tenants import Tenant, email_digest
from chalicelib.store.tables import MomentAttribute, Table, connection, is_condition_failure, store_errors, table_name


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


def reserve(tenant: Tenant) -> None:
    """Store a new tenant and its address, both or neither.

    Raise Conflict, its problems naming username or email, if either is taken.
    """
    item = TenantItem(
        tenant.tenant_id,
        username=tenant.username,
        email=tenant.email,
        password_hash=tenant.password_hash,
        state=tenant.state,
        setup_step=tenant.setup_step,
        forge_login=tenant.forge_login,
        created_at=tenant.created_at,
    )
    address = TenantItem(_address_key(tenant.email), owner=tenant.tenant_id)
    try:
        with store_errors(), TransactWrite(connection=connection()) as transaction:
            transaction.save(item, condition=TenantItem.tenant_id.does_not_exist())
            transaction.save(address, condition=TenantItem.tenant_id.does_not_exist())
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
            item = TenantItem.get(tenant_id)
    except TenantItem.DoesNotExist:
        return None
    return _tenant(item) if item.username else None


def advance(tenant: Tenant, step: int, *, state: str = "registering", forge_credential: bytes | None = None) -> None:
    """Record that `step` steps of the registration are done. Steps never go back: a slower twin changes nothing."""
    actions = [TenantItem.setup_step.set(step), TenantItem.state.set(state)]
    if forge_credential is not None:
        actions.append(TenantItem.forge_credential.set(forge_credential))
    try:
        with store_errors():
            TenantItem(tenant.tenant_id).update(
                actions=actions, condition=(TenantItem.state == "registering") & (TenantItem.setup_step < step)
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
    )
