"""Routes of the ways into one's own account: logins at providers, and whether the password still opens it."""

import secrets
from datetime import UTC, datetime

from pydantic import Field

from chalicelib.api.auth import Empty
from chalicelib.api.blueprint import Answer, ApiBlueprint, Ask, Model, Moment
from chalicelib.api.sso import depart, tell_owner
from chalicelib.domain import limits
from chalicelib.domain.sso import Identity
from chalicelib.services import identities, sessions
from chalicelib.services.sso import Wish

bp = ApiBlueprint(__name__)


class IdentityOut(Model):
    id: str
    provider: str
    email: str | None
    linked_at: Moment
    last_used_at: Moment | None


class IdentityList(Model):
    """has_password: whether there is one. sso_only: whether only the identities open the account."""

    identities: list[IdentityOut]
    has_password: bool
    sso_only: bool
    next: None = None


class LinkStart(Model):
    next: str = Field(default="/", max_length=500)


class LinkStarted(Model):
    """authorization_url: where to send the browser that sent this request; it holds the cookie that leads back."""

    authorization_url: str


class Policy(Model):
    sso_only: bool


class PolicyAnswer(Model):
    """break_glass_code: opens one session if the provider fails; shown this once, and anew each time sso_only is set."""

    sso_only: bool
    break_glass_code: str | None


@bp.api("GET", "/api/auth/identities", auth="user", scope="admin:tenant", returns=IdentityList)
def list_identities(ask: Ask) -> IdentityList:
    """List the logins at providers that open the caller's account."""
    tenant = sessions.account(ask.known_caller)
    return IdentityList(
        identities=[_out(identity) for identity in identities.list_identities(tenant.tenant_id)],
        has_password=bool(tenant.password_hash),
        sso_only=tenant.is_sso_only,
    )


@bp.api(
    "POST",
    "/api/auth/identities/{identity}",
    auth="user",
    scope="admin:tenant",
    limit=limits.SSO,
    body=LinkStart,
    returns=LinkStarted,
    audit="identity.link_started",
)
def link_identity(ask: Ask, identity: str) -> Answer:
    """Begin to link a login at the provider of this name to the caller's account: send the browser to the answer's address."""
    caller = sessions.refuse_stale(ask.known_caller, datetime.now(UTC))
    url, cookie = depart(ask, identity, Wish("link", ask.body.next, tenant_id=caller.tenant_id))
    return Answer(LinkStarted(authorization_url=url), 200, cookie)


@bp.api(
    "DELETE",
    "/api/auth/identities/{identity}",
    auth="user",
    scope="admin:tenant",
    returns=Empty,
    audit="identity.unlinked",
)
def unlink_identity(ask: Ask, identity: str) -> Empty:
    """Unlink a login at a provider, unless it is the last way into the account."""
    gone = identities.unlink(sessions.refuse_stale(ask.known_caller, datetime.now(UTC)), identity)
    ask.noted["provider"] = gone.provider
    tell_owner(gone.tenant_id)
    return Empty()


@bp.api(
    "PUT",
    "/api/auth/sso/policy",
    auth="user",
    scope="admin:tenant",
    limit=limits.PASSWORD,
    body=Policy,
    returns=PolicyAnswer,
    audit="sso.policy_changed",
)
def set_policy(ask: Ask) -> PolicyAnswer:
    """Let only providers open the account, or the password too. The first gives a code for the day the provider fails."""
    now = datetime.now(UTC)
    tenant = sessions.account(sessions.refuse_stale(ask.known_caller, now))
    ask.noted["sso_only"] = str(ask.body.sso_only).lower()
    if not ask.body.sso_only:
        identities.allow_password(tenant)
        tell_owner(tenant.tenant_id)
        return PolicyAnswer(sso_only=False, break_glass_code=None)
    code = identities.swear_off_password(tenant, secrets.token_bytes, now)
    tell_owner(tenant.tenant_id)
    return PolicyAnswer(sso_only=True, break_glass_code=code)


def _out(identity: Identity) -> IdentityOut:
    return IdentityOut(
        id=identity.identity_id,
        provider=identity.provider,
        email=identity.email,
        linked_at=identity.linked_at,
        last_used_at=identity.last_used_at,
    )
