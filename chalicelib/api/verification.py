"""Routes for proving an address, changing it, and choosing a new password by mail."""

from datetime import UTC, datetime

from pydantic import Field

from chalicelib.api.auth import EMAIL, Empty, registration_doors
from chalicelib.api.blueprint import ApiBlueprint, Ask, Model
from chalicelib.api.rate_limits import address_of
from chalicelib.domain import limits
from chalicelib.domain.audit import Unaudited
from chalicelib.services import doors, password_reset, verification

bp = ApiBlueprint(__name__)

SENT = "if there is such an account, a mail with a link is on its way; look for it among unwanted mail too"
ASKS_ONLY = Unaudited("only asks for a mail, and nobody is told whether there is such an account")


class Address(Model):
    email: str = Field(max_length=254, pattern=EMAIL)


class LinkIn(Model):
    """What a link in a mail holds."""

    account: str = Field(max_length=200)
    token: str = Field(max_length=200)


class NewPassword(LinkIn):
    new_password: str = Field(max_length=2000)


class NewAddress(Address):
    password: str = Field(max_length=2000)


class Asked(Model):
    message: str = SENT


@bp.api(
    "POST",
    "/api/auth/verification",
    auth="public",
    limit=limits.LINKS,
    body=Address,
    returns=Asked,
    status=202,
    audit=ASKS_ONLY,
)
def ask_for_verification(ask: Ask) -> Asked:
    """Send the link that proves a new account's address once more."""
    verification.ask_again(doors.mail_queue().put, ask.body.email)
    return Asked()


@bp.api("POST", "/api/auth/verification/confirm", auth="public", body=LinkIn, returns=Empty, audit="email.verified")
def confirm_address(ask: Ask) -> Empty:
    """Prove a new account's address by a link."""
    confirm_registration(ask)
    return Empty()


@bp.api(
    "POST",
    "/api/auth/password/forgotten",
    auth="public",
    limit=limits.LINKS,
    body=Address,
    returns=Asked,
    status=202,
    audit=ASKS_ONLY,
)
def ask_for_reset(ask: Ask) -> Asked:
    """Send a link for choosing a new password; the answer is the same whether or not there is such an account."""
    password_reset.ask(doors.mail_queue().put, ask.body.email)
    return Asked()


@bp.api("POST", "/api/auth/password/reset", auth="public", body=NewPassword, returns=Empty, audit="password.reset")
def reset_password(ask: Ask) -> Empty:
    """Choose a new password by a link; it ends all sessions and begins none."""
    set_password(ask)
    return Empty()


@bp.api(
    "POST",
    "/api/auth/email",
    auth="user",
    limit=limits.PASSWORD,
    scope="admin:tenant",
    body=NewAddress,
    returns=Asked,
    status=202,
    audit="email.change_asked",
)
def ask_for_email_change(ask: Ask) -> Asked:
    """Send a link to the address that is to replace the caller's; it takes the password once more."""
    body: NewAddress = ask.body
    verification.ask_for_change(ask.known_caller, doors.mail_queue().put, body.password, body.email)
    return Asked(message="a mail with a link is on its way to the new address; until it is opened nothing changes")


@bp.api("POST", "/api/auth/email/confirm", auth="public", body=LinkIn, returns=Empty, audit="email.changed")
def confirm_email_change(ask: Ask) -> Empty:
    """Let a new address replace the account's by a link."""
    confirm_change(ask)
    return Empty()


def confirm_registration(ask: Ask) -> None:
    """Do what the link of a LinkIn is for; the pages use it too."""
    link, now = ask.body, datetime.now(UTC)
    verification.confirm_registration(registration_doors(), doors.mail_queue().put, link.account, link.token, now)
    ask.noted["tenant_id"] = link.account


def confirm_change(ask: Ask) -> None:
    """The same for another address."""
    link = ask.body
    verification.confirm_change(doors.mail_queue().put, link.account, link.token, datetime.now(UTC))
    ask.noted["tenant_id"] = link.account


def set_password(ask: Ask) -> None:
    """The same for a new password."""
    link, now = ask.body, datetime.now(UTC)
    address = address_of(ask.request)
    password_reset.reset(doors.mail_queue().put, link.account, link.token, link.new_password, address, now)
    ask.noted["tenant_id"] = link.account
