"""The pages on which a person without the console lets a program in. A GET shows, only a POST does something."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from chalicelib import config
from chalicelib.api import pages
from chalicelib.api.auth import signer
from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, TextAnswer
from chalicelib.api.device import UserCode, address_of, note
from chalicelib.domain import limits, times
from chalicelib.domain.errors import CrontopusError, Invalid, NotFound, Unauthenticated
from chalicelib.services import device_login, logins, sso, tickets
from chalicelib.services.login_delays import Guard

bp = ApiBlueprint(__name__)


class DevicePageQuery(Model):
    user_code: UserCode | None = None


class DeviceForm(Model):
    user_code: UserCode
    username: str = Field(max_length=200)
    password: str = Field(max_length=2000)


class DeviceDecision(Model):
    ticket: str = Field(max_length=2000)
    decision: Literal["approve", "deny"]


@bp.api("GET", "/api/pages/device", auth="public", query=DevicePageQuery, media_type="text/html")
def show_device(ask: Ask) -> TextAnswer:
    """Show the page that asks for the code of a program that wants in, and for a login."""
    return _form(ask.query.user_code or "", "", None, 200)


@bp.api(
    "POST",
    "/api/pages/device",
    auth="public",
    limit=limits.LOGIN,
    body=DeviceForm,
    body_format="form",
    media_type="text/html",
    audit="device.signed_in",
    also=(401, 403),
)
def sign_in_for_device(ask: Ask) -> TextAnswer:
    """Check login and code, in this order, and show what asks to be let in."""
    form: DeviceForm = ask.body
    now = datetime.now(UTC)
    ask.noted["claimed"] = form.username
    try:
        guard = Guard(form.username, address_of(ask), config.rate_limit_factor())
        tenant = logins.prove(guard, form.username, form.password, now)
        logins.refuse_inactive(tenant)
        logins.refuse_password(tenant)
        ask.noted["tenant_id"] = tenant.tenant_id
        return confirmation(form.user_code, tenant.tenant_id, now)
    except (Unauthenticated, Invalid, NotFound) as e:
        return _form(form.user_code, form.username, e, 401 if isinstance(e, Unauthenticated) else 422)


@bp.api(
    "POST",
    "/api/pages/device/confirm",
    auth="public",
    limit=limits.SSO,
    body=DeviceDecision,
    body_format="form",
    media_type="text/html",
    audit="device.decided",
    also=(403, 404, 409),
)
def decide_on_page(ask: Ask) -> TextAnswer:
    """Let the program in, or turn it away."""
    keys, now, approves = signer().keys, datetime.now(UTC), ask.body.decision == "approve"
    facts = tickets.read("device", ask.body.ticket, keys, now)
    ask.noted["tenant_id"] = facts["tenant_id"]
    grant = device_login.decide(keys, facts["tenant_id"], facts["user_code"], now, approves=approves)
    note(ask, grant, approves=approves)
    if approves:
        return pages.message("You are logged in there", f"{grant.client} goes on by itself. This window may be closed.")
    return pages.message("It was turned away", f"{grant.client} gets no access. If you did not start it, somebody else did.")


def confirmation(typed: str, tenant_id: str, now: datetime) -> TextAnswer:
    """Return the page that shows what asks to be let in as this tenant. Raise Invalid or NotFound if nothing does."""
    keys = signer().keys
    grant = device_login.show(keys, typed, now)
    ticket = tickets.write("device", {"tenant_id": tenant_id, "user_code": typed}, keys, now)
    started_at = times.to_text(grant.created_at)
    facts: dict[str, Any] = {"client": grant.client, "address": grant.address, "started_at": started_at}
    return pages.page("device_confirm.html", title="Let this program in?", account=tenant_id, ticket=ticket, **facts)


def _form(user_code: str, username: str, error: CrontopusError | None, status: int) -> TextAnswer:
    problem = next(iter(error.problems.values()), error.message) if error else None
    values: dict[str, Any] = {"user_code": user_code, "username": username, "problem": problem}
    return pages.page("device.html", status=status, title="Log a program in", providers=sso.providers(), **values)
