"""Routes of accounts and sessions."""

import secrets
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from chalicelib import config
from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.domain import names
from chalicelib.domain.tenants import Tenant, TenantState
from chalicelib.services import doors, registration, sessions

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
    state: TenantState
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


@bp.api("POST", "/api/auth/register", auth="public", body=Registration, returns=UserAnswer, status=201)
def register(ask: Ask) -> UserAnswer:
    """Make an account with its private repository; repeated with the same password it completes what was begun."""
    body: Registration = ask.body
    open_doors = registration.Doors(
        admin=doors.forge_provisioning(),
        vault=doors.vault(),
        organization=config.load().forge_organization,
        bot=config.load().forge_bot,
        random=secrets.token_bytes,
    )
    return UserAnswer(
        user=_user(registration.register(open_doors, body.username, body.email, body.password, datetime.now(UTC)))
    )


@bp.api("POST", "/api/auth/login", auth="public", body=Login, body_format="form", returns=SessionAnswer)
def login(ask: Ask) -> SessionAnswer:
    """Open a session with username and password (OAuth 2 password form)."""
    keys = doors.vault().secret().jwt_keys
    return _session(sessions.login(ask.body.username, ask.body.password, keys, secrets.token_bytes, datetime.now(UTC)))


@bp.api("POST", "/api/auth/refresh", auth="public", body=RefreshToken, returns=SessionAnswer)
def refresh(ask: Ask) -> SessionAnswer:
    """Exchange a refresh token, which is used up by that, for a new session."""
    keys = doors.vault().secret().jwt_keys
    return _session(sessions.refresh(ask.body.refresh_token, keys, secrets.token_bytes, datetime.now(UTC)))


@bp.api("POST", "/api/auth/logout", auth="public", body=RefreshToken, returns=Empty)
def logout(ask: Ask) -> Empty:
    """End a session."""
    sessions.logout(ask.body.refresh_token)
    return Empty()


@bp.api("GET", "/api/auth/me", auth="user", returns=Me)
def me(ask: Ask) -> Me:
    """Show the caller's account and repository."""
    tenant = sessions.account(ask.known_caller)
    settings = config.load()
    url = f"{settings.forge_public_url}/{settings.forge_organization}/{names.repository_name(tenant.tenant_id)}.git"
    return Me(user=_user(tenant), repository=RepositoryOut(url=url, branch="main"))


def _user(tenant: Tenant) -> User:
    return User(
        username=tenant.username,
        email=tenant.email,
        tenant_id=tenant.tenant_id,
        state=tenant.state,
        created_at=tenant.created_at,
    )


def _session(session: sessions.Session) -> SessionAnswer:
    return SessionAnswer(
        access_token=session.access_token, expires_in=session.expires_in_s, refresh_token=session.refresh_token
    )
