"""The pages that links in mails open. A GET shows, only a POST does something; see chalicelib/api/pages.py."""

from datetime import UTC, datetime

from chalicelib.api import pages
from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, TextAnswer
from chalicelib.api.verification import (
    ASKS_ONLY,
    SENT,
    Address,
    LinkIn,
    NewPassword,
    confirm_change,
    confirm_registration,
    set_password,
)
from chalicelib.domain import limits
from chalicelib.domain.errors import Invalid
from chalicelib.domain.verification import Purpose
from chalicelib.services import doors, password_reset, verification

bp = ApiBlueprint(__name__)


class LinkQuery(Model):
    account: str
    token: str


@bp.api("GET", "/api/pages/verify-email", auth="public", query=LinkQuery, media_type="text/html", also=(403,))
def show_verify_email(ask: Ask) -> TextAnswer:
    """Show the page that proves a new account's address."""
    link = _checked(ask, "register")
    words = f"The account {link.account} was opened with this address. Is it yours?"
    return _confirm(link, "verify-email", "Confirm your address", words, "Yes, confirm")


@bp.api(
    "POST",
    "/api/pages/verify-email",
    auth="public",
    body=LinkIn,
    body_format="form",
    media_type="text/html",
    audit="email.verified",
)
def verify_email(ask: Ask) -> TextAnswer:
    """Prove a new account's address from its page."""
    confirm_registration(ask)
    return pages.message("Your address is confirmed", "Your account is ready; you can log in now. This window may be closed.")


@bp.api("GET", "/api/pages/change-email", auth="public", query=LinkQuery, media_type="text/html", also=(403,))
def show_change_email(ask: Ask) -> TextAnswer:
    """Show the page that lets a new address replace the account's."""
    link = _checked(ask, "change")
    words = f"From now on, mails for the account {link.account} go to the address at which you got this link."
    return _confirm(link, "change-email", "Use this address", words, "Use this address")


@bp.api(
    "POST",
    "/api/pages/change-email",
    auth="public",
    body=LinkIn,
    body_format="form",
    media_type="text/html",
    audit="email.changed",
)
def change_email(ask: Ask) -> TextAnswer:
    """Let a new address replace the account's from its page."""
    confirm_change(ask)
    return pages.message("Your address is changed", "The one before was told. This window may be closed.")


@bp.api("GET", "/api/pages/reset-password", auth="public", query=LinkQuery, media_type="text/html", also=(403,))
def show_reset_password(ask: Ask) -> TextAnswer:
    """Show the page on which a new password is chosen."""
    link = _checked(ask, "reset")
    return _new_password(link.account, link.token, None)


@bp.api(
    "POST",
    "/api/pages/reset-password",
    auth="public",
    body=NewPassword,
    body_format="form",
    media_type="text/html",
    audit="password.reset",
)
def reset_password(ask: Ask) -> TextAnswer:
    """Choose a new password from its page."""
    try:
        set_password(ask)
    except Invalid as e:
        return _new_password(ask.body.account, ask.body.token, e.problems.get("new_password", e.message))
    return pages.message("Your password is set", "You are logged out everywhere. Log in with the new password.")


@bp.api("GET", "/api/pages/forgotten-password", auth="public", media_type="text/html")
def show_forgotten_password(ask: Ask) -> TextAnswer:
    """Show the page that asks for a link for a new password."""
    return _ask_mail("forgotten-password", "Forgotten your password?", "We send a link by which you choose a new one.")


@bp.api(
    "POST",
    "/api/pages/forgotten-password",
    auth="public",
    limit=limits.LINKS,
    body=Address,
    body_format="form",
    media_type="text/html",
    status=202,
    audit=ASKS_ONLY,
)
def forgotten_password(ask: Ask) -> TextAnswer:
    """Ask for a link for a new password from its page."""
    password_reset.ask(doors.mail_queue().put, ask.body.email)
    return pages.message("Look into your mailbox", SENT.capitalize() + ".", "The link works once, for 30 minutes.", status=202)


@bp.api("GET", "/api/pages/verification-mail", auth="public", media_type="text/html")
def show_verification_mail(ask: Ask) -> TextAnswer:
    """Show the page that asks for the link that proves an address once more."""
    return _ask_mail("verification-mail", "Confirm your address", "We send the link for a new account once more.")


@bp.api(
    "POST",
    "/api/pages/verification-mail",
    auth="public",
    limit=limits.LINKS,
    body=Address,
    body_format="form",
    media_type="text/html",
    status=202,
    audit=ASKS_ONLY,
)
def verification_mail(ask: Ask) -> TextAnswer:
    """Ask for the link that proves an address once more from its page."""
    verification.ask_again(doors.mail_queue().put, ask.body.email)
    return pages.message("Look into your mailbox", SENT.capitalize() + ".", "The link works once, for 24 hours.", status=202)


def _checked(ask: Ask, purpose: Purpose) -> LinkQuery:
    """Return the link of a page's address. Raise Forbidden if it is dead, so that nobody fills in a form for nothing."""
    link: LinkQuery = ask.query
    verification.check(link.account, purpose, link.token, datetime.now(UTC))
    return link


def _confirm(link: LinkQuery, action: str, title: str, words: str, button: str) -> TextAnswer:
    return pages.page(
        "confirm.html", title=title, words=words, button=button, action=action, account=link.account, token=link.token
    )


def _new_password(account: str, token: str, problem: str | None) -> TextAnswer:
    title, status = "Choose a new password", 422 if problem else 200
    return pages.page("new_password.html", status=status, title=title, account=account, token=token, problem=problem)


def _ask_mail(action: str, title: str, words: str) -> TextAnswer:
    return pages.page("ask_mail.html", title=title, words=words, action=action)
