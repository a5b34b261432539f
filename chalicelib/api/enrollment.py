"""Routes that let machines in."""

import secrets
from datetime import UTC, datetime, timedelta

from pydantic import Field

from chalicelib import config
from chalicelib.api.auth import Empty
from chalicelib.api.blueprint import Answer, ApiBlueprint, Ask, Model, Moment
from chalicelib.api.endpoints import EndpointOut, endpoint_out
from chalicelib.domain.credentials import Credential
from chalicelib.domain.endpoints import Facts
from chalicelib.services import doors, enrollment

bp = ApiBlueprint(__name__)


class TokenIn(Model):
    name: str = Field(min_length=1, max_length=100)
    expires_in_hours: int = Field(default=24, ge=1, le=24 * 366)
    max_uses: int | None = Field(default=1, ge=1, le=100_000)


class TokenOut(Model):
    id: str
    name: str
    created_at: Moment
    expires_at: Moment | None
    max_uses: int | None
    used_count: int
    last_used_at: Moment | None
    created_ip: str | None
    last_used_ip: str | None


class TokenAnswer(Model):
    enrollment_token: TokenOut
    token: str


class TokenList(Model):
    enrollment_tokens: list[TokenOut]
    next: None = None


class EnrollIn(Model):
    """previous_token: what this machine was enrolled with before; shows another tenant's endpoint to be this machine."""

    name: str = Field(min_length=1, max_length=100)
    hostname: str = Field(min_length=1, max_length=255)
    platform: str = Field(min_length=1, max_length=50)
    version: str = Field(min_length=1, max_length=50)
    machine_id: str = Field(pattern="^[0-9a-f]{64}$")
    timezone: str | None = Field(default=None, max_length=100)
    scheduler: str | None = Field(default=None, max_length=50)
    previous_token: str | None = Field(default=None, max_length=200)


class GitOut(Model):
    url: str
    branch: str
    username: str
    token: str


class EnrollAnswer(Model):
    endpoint: EndpointOut
    token: str
    git: GitOut


@bp.api(
    "POST",
    "/api/enrollment-tokens",
    auth="user",
    scope="write:endpoints",
    body=TokenIn,
    returns=TokenAnswer,
    status=201,
    audit="enrollment_token.created",
)
def create_token(ask: Ask) -> TokenAnswer:
    """Make an enrollment token; its plain text is shown this once."""
    life = timedelta(hours=ask.body.expires_in_hours)
    caller, now = ask.known_caller, datetime.now(UTC)
    credential, plain = enrollment.create_token(caller, ask.body.name, life, ask.body.max_uses, secrets.token_bytes, now)
    return TokenAnswer(enrollment_token=_token_out(credential), token=plain)


@bp.api("GET", "/api/enrollment-tokens", auth="user", scope="read:endpoints", returns=TokenList)
def list_tokens(ask: Ask) -> TokenList:
    """List the enrollment tokens and how often each was used."""
    return TokenList(enrollment_tokens=[_token_out(found) for found in enrollment.list_tokens(ask.known_caller)])


@bp.api(
    "DELETE",
    "/api/enrollment-tokens/{token_id}",
    auth="user",
    scope="write:endpoints",
    returns=Empty,
    audit="enrollment_token.revoked",
)
def delete_token(ask: Ask, token_id: str) -> Empty:
    """Revoke an enrollment token."""
    enrollment.delete_token(ask.known_caller, token_id)
    return Empty()


@bp.api(
    "POST",
    "/api/endpoints/enroll",
    auth="enroll",
    scope="write:endpoints",
    body=EnrollIn,
    returns=EnrollAnswer,
    status=201,
    aliases=["POST /api/agents/enroll"],
    audit="endpoint.enrolled",
    also=(200,),
)
def enroll(ask: Ask) -> Answer:
    """Let a machine in: 201 for a new endpoint, 200 for a machine that was enrolled before."""
    settings, now = config.load(), datetime.now(UTC)
    facts = Facts(**ask.body.model_dump(exclude={"previous_token"}))
    enrolled = enrollment.enroll(
        doors.forge_provisioning(),
        settings.forge_organization,
        ask.known_caller,
        facts,
        secrets.token_bytes,
        now,
        previous_token=ask.body.previous_token,
    )
    git = enrollment.at_public_url(enrolled.git, settings.forge_url, settings.forge_public_url)
    body = EnrollAnswer(
        endpoint=endpoint_out(enrolled.endpoint, now),
        token=enrolled.token,
        git=GitOut(url=git.url, branch=git.branch, username=git.username, token=git.token),
    )
    return Answer(body, 201 if enrolled.is_new else 200, {})


def _token_out(credential: Credential) -> TokenOut:
    return TokenOut(
        id=credential.token_id,
        name=credential.name,
        created_at=credential.created_at,
        expires_at=credential.expires_at,
        max_uses=credential.max_uses,
        used_count=credential.uses,
        last_used_at=credential.last_used_at,
        created_ip=credential.created_ip or None,
        last_used_ip=credential.last_used_ip or None,
    )
