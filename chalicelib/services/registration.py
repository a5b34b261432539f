"""Registration: an account here, a user and a repository on the forge, as a saga that goes on where it stopped."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain import ids, names, tenants, webhooks
from chalicelib.domain.errors import Invalid
from chalicelib.domain.tenants import Tenant, TenantState
from chalicelib.forgejo.client import Forgejo
from chalicelib.services import passwords
from chalicelib.store import tenants as tenant_store
from chalicelib.vault import Vault


@dataclass(frozen=True, slots=True)
class Doors:
    """What the steps act upon.

    organization: owner of all repositories. bot: login that commits. public_url: this API. random: gives n bytes.
    proves_first: nothing is made on the forge before somebody has proved the address.
    """

    admin: Forgejo
    vault: Vault
    organization: str
    bot: str
    public_url: str
    random: Callable[[int], bytes]
    proves_first: bool = False


def register(doors: Doors, username: str, email: str, password: str, now: datetime) -> Tenant:
    """Return the new tenant: active, or unverified where addresses are proved first.

    The same call again goes on where it stopped. Raise Invalid or Conflict naming the field, Unavailable if the forge is
    down: then the same call, later, completes it.
    """
    if problem := names.username_problem(username):
        raise Invalid.of({"username": problem})
    tenant = _resumable(username, email, password) or _reserve(doors, username, email, password, now)
    if tenant.state == "unverified":
        return tenant
    complete(doors, tenant, "active")
    registered = tenant_store.find(username)
    assert registered is not None  # noqa: S101 - nothing deletes a tenant
    return registered


def complete(doors: Doors, tenant: Tenant, state: TenantState) -> None:
    """Take the steps on the forge that are left, then give the tenant this state. Raise Unavailable if the forge is down."""
    for number, step in enumerate(_STEPS, start=1):
        if tenant.setup_step < number:
            sealed = step(doors, tenant)
            is_last = number == len(_STEPS)
            tenant_store.advance(tenant, number, state=state if is_last else tenant.state, forge_credential=sealed)


def is_complete(tenant: Tenant) -> bool:
    """Tell whether all steps of the registration are done."""
    return tenant.setup_step >= len(_STEPS)


def _resumable(username: str, email: str, password: str) -> Tenant | None:
    tenant = tenant_store.find(username)
    if tenant is None or tenant.state not in ("registering", "unverified"):
        return None
    is_same = tenants.email_digest(tenant.email) == tenants.email_digest(email)
    return tenant if is_same and passwords.is_right(password, tenant.password_hash) else None


def _reserve(doors: Doors, username: str, email: str, password: str, now: datetime) -> Tenant:
    tenant = Tenant(
        tenant_id=username,
        username=username,
        email=email,
        password_hash=passwords.hash_new(password, username=username, email=email),
        state="unverified" if doors.proves_first else "registering",
        setup_step=0,
        forge_login="t-" + ids.ulid_from(now, doors.random(10)),
        forge_credential=None,
        created_at=now,
    )
    tenant_store.reserve(tenant)
    return tenant


def _make_forge_user(doors: Doors, tenant: Tenant) -> None:
    # The password is thrown away: only tokens ever act for this user. The address never gets mail.
    throwaway = doors.random(32).hex()
    doors.admin.ensure_user(tenant.forge_login, f"{tenant.forge_login}@users.crontopus.invalid", throwaway)


def _make_repository(doors: Doors, tenant: Tenant) -> None:
    repository = names.repository_name(tenant.tenant_id)
    doors.admin.ensure_repository(doors.organization, repository, f"Crontopus jobs of {tenant.username}")


def _let_bot_write(doors: Doors, tenant: Tenant) -> None:
    doors.admin.ensure_collaborator(doors.organization, names.repository_name(tenant.tenant_id), doors.bot, "write")


def _let_tenant_read(doors: Doors, tenant: Tenant) -> None:
    repository = names.repository_name(tenant.tenant_id)
    doors.admin.ensure_collaborator(doors.organization, repository, tenant.forge_login, "read")


def _make_credential(doors: Doors, tenant: Tenant) -> bytes:
    repository = names.repository_name(tenant.tenant_id)
    token = doors.admin.create_token(tenant.forge_login, "tenant", ("read:repository",), ((doors.organization, repository),))
    return doors.vault.seal(tenant.tenant_id, token)


def _make_webhook(doors: Doors, tenant: Tenant) -> None:
    repository = names.repository_name(tenant.tenant_id)
    secret = webhooks.secret_of(list(doors.vault.secret().jwt_keys.values())[-1], tenant.tenant_id)
    doors.admin.ensure_hook(doors.organization, repository, f"{doors.public_url}/api/webhooks/forge", secret)


_STEPS: tuple[Callable[[Doors, Tenant], bytes | None], ...] = (
    _make_forge_user,
    _make_repository,
    _let_bot_write,
    _let_tenant_read,
    _make_credential,
    _make_webhook,
)
