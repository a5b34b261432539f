"""Routes of accounts and sessions."""

import secrets
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from chalicelib import config
from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.api.rate_limits import address_of
from chalicelib.domain import limits, names
from chalicelib.domain.audit import Unaudited
from chalicelib.domain.tenants import Tenant, TenantState
from chalicelib.services import doors, logins, mails, registration, sessions
from chalicelib.services.login_delays import Guard
from chalicelib.services.mails import Wish

bp = ApiBlueprint(__name__)

# An address is proved by a mail that arrives, so this only catches slips: one @, something before, a dot after.
EMAIL = r"^[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]+\.[^@\s.\x00-\x1f]{2,}$"


class Registration(Model):
    username: str = Field(max_length=200)
    email: str = Field(max_length=254, pattern=EMAIL)
    password: str = Field(max_length=2000)


class User(Model):
    username: str
    email: str
    tenant_id: str
    email_verified: bool
    state: TenantState
    is_operator: bool
    created_at: Moment


class UserAnswer(Model):
    user: User


class Login(Model):
    username: str = Field(max_length=200)
    password: str = Field(max_length=2000)
    grant_type: Literal["password"] = "password"


class RefreshToken(Model):
    refresh_token: str = Field(max_length=200)


class SessionAnswer(Model):
    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int
    refresh_token: str


class RepositoryOut(Model):
    url: str
    branch: str


class Me(Model):
    user: User
    repository: RepositoryOut


class Empty(Model):
    pass


class SessionOut(Model):
    id: str
    client: str
    is_current: bool
    started_at: Moment
    refreshed_at: Moment
    expires_at: Moment


class SessionList(Model):
    sessions: list[SessionOut]
    next: None = None


class PasswordChange(Model):
    current_password: str = Field(max_length=2000)
    new_password: str = Field(max_length=2000)


class PasswordChanged(Model):
    sessions_ended: int


@bp.api(
    "POST",
    "/api/auth/register",
    auth="public",
    limit=limits.REGISTER,
    body=Registration,
    returns=UserAnswer,
    status=201,
    audit="account.registered",
)
def register(ask: Ask) -> UserAnswer:
    """Make an account with its private repository; repeated with the same password it completes what was begun."""
    body: Registration = ask.body
    tenant = registration.register(registration_doors(), body.username, body.email, body.password, datetime.now(UTC))
    mails.ask(doors.mail_queue().put, Wish("verify", tenant.tenant_id))
    ask.noted["tenant_id"] = tenant.tenant_id
    return UserAnswer(user=_user(tenant))


def registration_doors() -> registration.Doors:
    """Return what the steps of a registration act upon."""
    settings = config.load()
    return registration.Doors(
        admin=doors.forge_provisioning(),
        vault=doors.vault(),
        organization=settings.forge_organization,
        bot=settings.forge_bot,
        public_url=settings.public_url,
        random=secrets.token_bytes,
        proves_first=settings.email_verification == "required",
    )


@bp.api(
    "POST",
    "/api/auth/login",
    auth="public",
    limit=limits.LOGIN,
    body=Login,
    body_format="form",
    returns=SessionAnswer,
    audit="session.started",
)
def login(ask: Ask) -> SessionAnswer:
    """Open a session with username and password (OAuth 2 password form)."""
    client = ask.request.headers.get("user-agent", "unknown")[:200]
    ask.noted["claimed"] = ask.body.username
    guard = Guard(ask.body.username, address_of(ask.request), config.rate_limit_factor())
    session = logins.login(signer(), guard, ask.body.username, ask.body.password, client, datetime.now(UTC))
    ask.noted["tenant_id"] = ask.body.username
    return session_out(session)


@bp.api(
    "POST",
    "/api/auth/refresh",
    auth="public",
    body=RefreshToken,
    returns=SessionAnswer,
    audit=Unaudited("goes on with a session whose start is written down"),
)
def refresh(ask: Ask) -> SessionAnswer:
    """Exchange a refresh token, which is used up by that, for a new session."""
    return session_out(logins.refresh(signer(), ask.body.refresh_token, datetime.now(UTC)))


@bp.api("POST", "/api/auth/logout", auth="public", body=RefreshToken, returns=Empty, audit="session.ended")
def logout(ask: Ask) -> Empty:
    """End a session."""
    if tenant_id := logins.logout(ask.body.refresh_token):
        ask.noted["tenant_id"] = tenant_id
    return Empty()


@bp.api("GET", "/api/auth/me", auth="user", scope="read:tenant", returns=Me)
def me(ask: Ask) -> Me:
    """Show the caller's account and repository."""
    tenant = sessions.account(ask.known_caller)
    return Me(user=_user(tenant), repository=repository_out(tenant.tenant_id))


def repository_out(tenant_id: str) -> RepositoryOut:
    """Return a tenant's repository as people and agents reach it."""
    settings = config.load()
    url = f"{settings.forge_public_url}/{settings.forge_organization}/{names.repository_name(tenant_id)}.git"
    return RepositoryOut(url=url, branch="main")


@bp.api("GET", "/api/auth/sessions", auth="user", scope="admin:tenant", returns=SessionList)
def list_sessions(ask: Ask) -> SessionList:
    """List the caller's open sessions."""
    caller = ask.known_caller
    found = [
        SessionOut(
            id=session.session_id,
            client=session.client,
            is_current=session.session_id == caller.session_id,
            started_at=session.started_at,
            refreshed_at=session.refreshed_at,
            expires_at=session.expires_at,
        )
        for session in logins.list_sessions(caller, datetime.now(UTC))
    ]
    return SessionList(sessions=found)


@bp.api("DELETE", "/api/auth/sessions/{session_id}", auth="user", scope="admin:tenant", returns=Empty, audit="session.ended")
def end_session(ask: Ask, session_id: str) -> Empty:
    """End one of the caller's sessions; its access token lives on for at most 15 minutes."""
    logins.end_session(ask.known_caller, session_id)
    return Empty()


@bp.api(
    "POST",
    "/api/auth/password",
    auth="user",
    limit=limits.PASSWORD,
    scope="admin:tenant",
    body=PasswordChange,
    returns=PasswordChanged,
    audit="password.changed",
)
def change_password(ask: Ask) -> PasswordChanged:
    """Replace the caller's password and end all other sessions."""
    ended = logins.change_password(ask.known_caller, ask.body.current_password, ask.body.new_password)
    mails.ask(doors.mail_queue().put, Wish("password_changed", ask.known_caller.tenant_id))
    return PasswordChanged(sessions_ended=ended)


def signer() -> logins.Signer:
    """Return what the tokens of a session are made with."""
    return logins.Signer(doors.vault().secret().jwt_keys, secrets.token_bytes)


def _user(tenant: Tenant) -> User:
    return User(
        username=tenant.username,
        email=tenant.email,
        tenant_id=tenant.tenant_id,
        email_verified=tenant.email_verified_at is not None,
        state=tenant.state,
        is_operator=tenant.is_operator,
        created_at=tenant.created_at,
    )


def session_out(session: logins.Session) -> SessionAnswer:
    """Return a session as the API shows it."""
    return SessionAnswer(
        access_token=session.access_token, expires_in=session.expires_in_s, refresh_token=session.refresh_token
    )
