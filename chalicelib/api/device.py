"""Routes of the device login, RFC 8628."""

import secrets
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field

from chalicelib import config
from chalicelib.api.auth import SessionAnswer, session_out, signer
from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.domain import device, limits
from chalicelib.domain.audit import Unaudited
from chalicelib.domain.device import Grant
from chalicelib.services import device_login, sessions
from chalicelib.services.device_login import Program

bp = ApiBlueprint(__name__)

# What is shown to the person who decides: neither control characters nor marks that turn the direction of writing.
_VISIBLE = r"^[^\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+$"
Shown = Annotated[str, Field(min_length=1, max_length=100, pattern=_VISIBLE)]
UserCode = Annotated[str, Field(min_length=1, max_length=40)]


class DeviceIn(Model):
    """client_id: any word that the program calls itself by. scope: read and ignored; a session may do everything."""

    client_id: Shown
    client_name: Shown | None = None
    scope: str | None = Field(default=None, max_length=1000)


class DeviceCodes(Model):
    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class DeviceTokenIn(Model):
    grant_type: Literal["urn:ietf:params:oauth:grant-type:device_code"]
    device_code: str = Field(max_length=200)
    client_id: str | None = Field(default=None, max_length=100)


class DeviceCodeQuery(Model):
    user_code: UserCode


class Decision(Model):
    user_code: UserCode
    approve: bool


class DeviceLoginOut(Model):
    """address: where the program asked from. Approve only what you have started yourself."""

    client: str
    address: str
    started_at: Moment
    expires_at: Moment
    state: Literal["pending", "approved", "denied"]


class DeviceLoginAnswer(Model):
    login: DeviceLoginOut


@bp.api(
    "POST",
    "/api/auth/device",
    auth="public",
    limit=limits.DEVICE,
    body=DeviceIn,
    body_format="json_or_form",
    returns=DeviceCodes,
    audit=Unaudited("nobody is known yet; the approval is written down"),
    also=(409,),
)
def start_device_login(ask: Ask) -> DeviceCodes:
    """Begin the login of a program without a browser: it shows the user code and asks with the device code."""
    body: DeviceIn = ask.body
    program = Program(body.client_id, body.client_name or body.client_id, address_of(ask))
    started = device_login.start(signer().keys, program, secrets.token_bytes, datetime.now(UTC))
    page = f"{config.load().public_url}/api/pages/device"
    return DeviceCodes(
        device_code=started.device_code,
        user_code=started.user_code,
        verification_uri=page,
        verification_uri_complete=f"{page}?user_code={started.user_code}",
        expires_in=int(device.LIFE.total_seconds()),
        interval=device.INTERVAL_S,
    )


@bp.api(
    "POST",
    "/api/auth/device/token",
    auth="public",
    limit=limits.DEVICE_POLL,
    body=DeviceTokenIn,
    body_format="json_or_form",
    returns=SessionAnswer,
    audit=Unaudited("the approval is written down"),
)
def exchange_device_code(ask: Ask) -> SessionAnswer:
    """Exchange an approved device code for a session; until then 400 `authorization_pending`, `slow_down` and the like."""
    return _exchange(ask.body)


@bp.api(
    "POST",
    "/api/oauth/token",
    auth="public",
    limit=limits.DEVICE_POLL,
    body=DeviceTokenIn,
    body_format="form",
    returns=SessionAnswer,
    dialect="oauth",
    audit=Unaudited("the approval is written down"),
)
def exchange_as_oauth(ask: Ask) -> SessionAnswer:
    """Do the same for OAuth clients, for whom `error` is a word at the top, where ours is an object."""
    return _exchange(ask.body)


@bp.api(
    "GET",
    "/api/auth/device",
    auth="user",
    scope="admin:tenant",
    limit=limits.DEVICE_CODE,
    query=DeviceCodeQuery,
    returns=DeviceLoginAnswer,
    also=(404,),
)
def show_device_login(ask: Ask) -> DeviceLoginAnswer:
    """Show which program waits for this code, and where it asked from, before it is let in."""
    sessions.refuse_token(ask.known_caller)
    return _answer(device_login.show(signer().keys, ask.query.user_code, datetime.now(UTC)), "pending")


@bp.api(
    "POST",
    "/api/auth/device/approve",
    auth="user",
    scope="admin:tenant",
    limit=limits.DEVICE_CODE,
    body=Decision,
    returns=DeviceLoginAnswer,
    audit="device.decided",
    also=(404,),
)
def decide_device_login(ask: Ask) -> DeviceLoginAnswer:
    """Let a program in as yourself, or turn it away. Takes a person's session; an API token cannot make sessions."""
    caller = sessions.refuse_token(ask.known_caller)
    body: Decision = ask.body
    now = datetime.now(UTC)
    grant = device_login.decide(signer().keys, caller.tenant_id, body.user_code, now, approves=body.approve)
    note(ask, grant, approves=body.approve)
    return _answer(grant, "approved" if body.approve else "denied")


def note(ask: Ask, grant: Grant, *, approves: bool) -> None:
    """Say in the audit entry what was decided about which program."""
    decision = "approved" if approves else "denied"
    ask.noted.update({"client": grant.client, "client_address": grant.address, "decision": decision})


def address_of(ask: Ask) -> str:
    """Return the address that API Gateway saw."""
    return str(ask.request.context["identity"]["sourceIp"])


def _exchange(body: DeviceTokenIn) -> SessionAnswer:
    return session_out(device_login.exchange(signer(), body.device_code, body.client_id, datetime.now(UTC)))


def _answer(grant: Grant, state: Literal["pending", "approved", "denied"]) -> DeviceLoginAnswer:
    shown = DeviceLoginOut(
        client=grant.client,
        address=grant.address,
        started_at=grant.created_at,
        expires_at=grant.expires_at,
        state=state,
    )
    return DeviceLoginAnswer(login=shown)
