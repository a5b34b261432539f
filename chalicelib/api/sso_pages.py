"""The page behind a login at a provider: what to be called, whose account it is, or which program to let in.

Who came back stands in a cookie that we have signed. A form elsewhere cannot send it: SameSite keeps it at home.
"""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from chalicelib import config
from chalicelib.api import browser_cookies, pages
from chalicelib.api.auth import registration_doors, signer
from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, TextAnswer
from chalicelib.api.device import address_of
from chalicelib.api.device_pages import confirmation
from chalicelib.api.sso import gone_on, tell_owner
from chalicelib.domain import limits
from chalicelib.domain.errors import Conflict, CrontopusError, Forbidden, Invalid, NotFound, Unauthenticated
from chalicelib.domain.sso import Person
from chalicelib.services import doors, mails, sso_accounts, tickets
from chalicelib.services.login_delays import Guard
from chalicelib.services.mails import Wish

bp = ApiBlueprint(__name__)


class Missing(Model):
    """What the page asked for: one of these."""

    username: str = Field(default="", max_length=200)
    password: str = Field(default="", max_length=2000)
    user_code: str = Field(default="", max_length=40)


@bp.api("GET", "/api/pages/sso", auth="public", media_type="text/html", also=(403, 422))
def show_what_is_missing(ask: Ask) -> TextAnswer:
    """Show the page that asks somebody who came back from a provider for what is missing."""
    facts = _note(ask)
    if facts["purpose"] == "device" and facts["tenant_id"] and facts["user_code"]:
        return _device(facts, facts["user_code"])
    return _form(facts, Missing(username=facts["suggested"]), None)


@bp.api(
    "POST",
    "/api/pages/sso",
    auth="public",
    limit=limits.LOGIN,
    body=Missing,
    body_format="form",
    media_type="text/html",
    audit="identity.linked",
    also=(303, 403, 404),
)
def complete(ask: Ask) -> TextAnswer:
    """Open the account, link it, or show the program, as the page asked."""
    facts, given = _note(ask), ask.body
    if facts["purpose"] == "device" and facts["tenant_id"]:
        return _device(facts, given.user_code)
    person, now = _person(facts), datetime.now(UTC)
    try:
        if facts["then"] == "register":
            ask.noted["claimed"] = given.username
            tenant = sso_accounts.register(registration_doors(), person, given.username, now)
            mails.ask(doors.mail_queue().put, Wish("welcome", tenant.tenant_id))
        else:
            tenant = sso_accounts.confirm(lambda name: _guard(ask, name), person, given.password, secrets.token_bytes, now)
            tell_owner(tenant.tenant_id)
    except (Invalid, Conflict, Unauthenticated) as e:
        return _form(facts, given, e)
    ask.noted.update({"tenant_id": tenant.tenant_id, "provider": person.provider})
    if facts["purpose"] == "device":
        return _device({**facts, "tenant_id": tenant.tenant_id}, facts["user_code"])
    base = config.load().public_url
    done = gone_on(tenant.tenant_id, browser_cookies.read(ask, "browser", base) or "", facts["next"], 303)
    return replace(done, headers={**done.headers, **browser_cookies.written("person", "", base)})


def _note(ask: Ask) -> Mapping[str, str]:
    ticket = browser_cookies.read(ask, "person", config.load().public_url)
    if ticket is None:
        raise Forbidden("this page belongs to a login at a provider; start that again")
    return tickets.read("sso-person", ticket, signer().keys, datetime.now(UTC))


def _person(facts: Mapping[str, str]) -> Person:
    is_verified = facts["is_verified"] == "yes"
    return Person(facts["provider"], facts["issuer"], facts["subject"], facts["email"] or None, is_verified)


def _guard(ask: Ask, username: str) -> Guard:
    ask.noted["claimed"] = username
    return Guard(username, address_of(ask), config.rate_limit_factor())


def _device(facts: Mapping[str, str], typed: str) -> TextAnswer:
    try:
        return confirmation(typed, facts["tenant_id"], datetime.now(UTC))
    except (Invalid, NotFound) as e:
        return _form(facts, Missing(user_code=typed), e if typed else None)


def _form(facts: Mapping[str, str], given: Missing, error: CrontopusError | None) -> TextAnswer:
    problem = next(iter(error.problems.values()), error.message) if error else None
    asks = "user_code" if facts["tenant_id"] else "username" if facts["then"] == "register" else "password"
    titles = {
        "user_code": "Log a program in",
        "username": "What should we call you?",
        "password": "Is this account yours?",
    }
    values: dict[str, Any] = {"asks": asks, "email": facts["email"], "given": given, "problem": problem}
    return pages.page("sso.html", status=422 if problem else 200, title=titles[asks], **values)
