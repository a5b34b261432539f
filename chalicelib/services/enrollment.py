"""Enrollment: tokens that let machines in, and letting them in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.domain import endpoints as rules
from chalicelib.domain import ids, names, quotas, tokens
from chalicelib.domain.credentials import Credential
from chalicelib.domain.endpoints import Endpoint, Facts
from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.domain.tenants import Tenant
from chalicelib.forgejo.client import Forgejo
from chalicelib.services import endpoints, transfers
from chalicelib.services.sessions import Caller
from chalicelib.store import endpoints as endpoint_store
from chalicelib.store import tenants as tenant_store
from chalicelib.store import tokens as token_store


@dataclass(frozen=True, slots=True)
class GitAccess:
    """How an agent reads its tenant's repository: HTTP Basic with these two."""

    url: str
    branch: str
    username: str
    token: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    endpoint: Endpoint
    token: str
    git: GitAccess
    is_new: bool


def create_token(
    caller: Caller, name: str, life: timedelta, max_uses: int | None, random: Callable[[int], bytes], now: datetime
) -> tuple[Credential, str]:
    """Return a new enrollment token and its plain text, which nobody can show again."""
    plain = tokens.mint("enrollment", random(32))
    credential = Credential(
        digest=tokens.digest(plain),
        kind="enrollment",
        tenant_id=caller.tenant_id,
        token_id="et-" + ids.ulid_from(now, random(10)),
        owner=caller.name,
        name=name,
        created_at=now,
        expires_at=now + life,
        max_uses=max_uses,
        created_ip=caller.address,
    )
    token_store.save(credential)
    return credential, plain


def list_tokens(caller: Caller) -> list[Credential]:
    """Return the tenant's enrollment tokens, newest first; expired and spent ones stay listed for a week."""
    return token_store.list_of_tenant(caller.tenant_id, "enrollment")


def delete_token(caller: Caller, token_id: str) -> None:
    """Revoke an enrollment token. Raise NotFound if the tenant has none of this id."""
    token_store.delete_of_tenant(caller.tenant_id, "enrollment", token_id)


def enroll(
    admin: Forgejo,
    organization: str,
    caller: Caller,
    facts: Facts,
    random: Callable[[int], bytes],
    now: datetime,
    *,
    previous_token: str | None = None,
) -> Enrolled:
    """Let a machine in and return its credentials; the same machine of the same tenant stays the same endpoint.

    Its labels stay; its former tokens, ours and the forge's, die. The enrollment token is spent first, so that no two
    machines share a use. previous_token: what the machine was enrolled with before, maybe by another tenant; see transfers.
    """
    tenant = tenant_store.find(caller.tenant_id)
    if tenant is None or tenant.state != "active":
        raise NotFound("this account is not active")
    endpoints.refuse_too_old(facts.version)
    endpoint_id = rules.endpoint_id(caller.tenant_id, facts.machine_id)
    before = endpoint_store.find(caller.tenant_id, endpoint_id)
    if before is None:
        _refuse_more(caller.tenant_id)
    if caller.kind == "enroll" and caller.credential:
        token_store.spend(caller.credential, now, caller.address)
    git = _git_access(admin, organization, tenant.tenant_id, tenant.forge_login, endpoint_id)
    plain = _endpoint_token(tenant, endpoint_id, random, now)
    endpoint = Endpoint(
        tenant_id=caller.tenant_id,
        endpoint_id=endpoint_id,
        facts=facts,
        enrolled_at=now,
        last_heartbeat_at=None,
        commit=None,
        spool_depth=0,
        problems=(),
        token_digest=tokens.digest(plain),
        git_token_name=endpoint_id,
        labels=before.labels if before else {},
        suspended_since=before.suspended_since if before else None,
        suspended_until=before.suspended_until if before else None,
    )
    endpoint_store.save(endpoint)
    for digest in before.token_digests if before else ():
        token_store.delete(digest)
    transfers.settle(admin, caller.tenant_id, facts.machine_id, previous_token, now)
    return Enrolled(endpoint, plain, git, is_new=before is None)


def _refuse_more(tenant_id: str) -> None:
    """Raise Conflict if the tenant has as many endpoints as it may have; the revoked ones do not count."""
    here = sum(not endpoint.is_revoked for endpoint in endpoint_store.list_of_tenant(tenant_id))
    if here >= quotas.MAX_ENDPOINTS:
        raise Conflict(quotas.too_many("endpoints", quotas.MAX_ENDPOINTS), code="limit_reached")


def _git_access(admin: Forgejo, organization: str, tenant_id: str, login: str, endpoint_id: str) -> GitAccess:
    repository = names.repository_name(tenant_id)
    token = admin.create_token(login, endpoint_id, ("read:repository",), ((organization, repository),))
    return GitAccess(admin.clone_url(organization, repository), "main", login, token)


def _endpoint_token(tenant: Tenant, endpoint_id: str, random: Callable[[int], bytes], now: datetime) -> str:
    plain = tokens.mint("endpoint", random(32))
    credential = Credential(
        digest=tokens.digest(plain),
        kind="endpoint",
        tenant_id=tenant.tenant_id,
        retention_days=tenant.retention_days,
        token_id="ep-" + ids.ulid_from(now, random(10)),
        owner=endpoint_id,
        name=endpoint_id,
        created_at=now,
    )
    token_store.save(credential)
    return plain


def at_public_url(git: GitAccess, internal: str, public: str) -> GitAccess:
    """Return the same access with the forge's address as agents reach it."""
    return replace(git, url=public + git.url.removeprefix(internal)) if git.url.startswith(internal) else git
