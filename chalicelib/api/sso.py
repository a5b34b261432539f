"""Routes of the login at a provider: the way there and back, and the session that waits at its end."""

import secrets
from datetime import UTC, datetime

from pydantic import ConfigDict, Field

from chalicelib import config
from chalicelib.api import browser_cookies
from chalicelib.api.auth import SessionAnswer, session_out, signer
from chalicelib.api.blueprint import Answer, ApiBlueprint, Ask, Model, TextAnswer
from chalicelib.api.device import address_of
from chalicelib.domain import limits, sso
from chalicelib.services import doors, identities, logins, mails, tickets
from chalicelib.services import sso as logins_elsewhere
from chalicelib.services.login_delays import Guard
from chalicelib.services.sso import Arrived, Returned, Wish

bp = ApiBlueprint(__name__)


class ProviderOut(Model):
    name: str
    label: str
    start_url: str


class ProviderList(Model):
    providers: list[ProviderOut]


class StartQuery(Model):
    """next: a path of this site. user_code: of a device login that this login is for; empty to type it later."""

    next: str = Field(default="/", max_length=500)
    user_code: str | None = Field(default=None, max_length=40)


class CallbackQuery(Model):
    """Providers add words of their own, which are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)

    state: str | None = Field(default=None, max_length=4000)
    code: str | None = Field(default=None, max_length=4000)
    error: str | None = Field(default=None, max_length=200)
    iss: str | None = Field(default=None, max_length=500)


class HandoverCode(Model):
    code: str = Field(max_length=200)


class BreakGlass(Model):
    """password: of an account that has one."""

    username: str = Field(max_length=200)
    password: str = Field(default="", max_length=2000)
    code: str = Field(max_length=200)


@bp.api("GET", "/api/auth/sso", auth="public", returns=ProviderList)
def list_providers(ask: Ask) -> ProviderList:
    """List the providers at which people can log in."""
    base = config.load().public_url
    found = logins_elsewhere.providers()
    return ProviderList(
        providers=[
            ProviderOut(name=one.name, label=one.label, start_url=f"{base}/api/auth/sso/{one.name}/start") for one in found
        ]
    )


@bp.api(
    "GET",
    "/api/auth/sso/{provider}/start",
    auth="public",
    limit=limits.SSO,
    query=StartQuery,
    media_type="text/html",
    status=302,
)
def start(ask: Ask, provider: str) -> TextAnswer:
    """Send the browser to a provider, to log in there."""
    query: StartQuery = ask.query
    purpose: logins_elsewhere.Purpose = "login" if query.user_code is None else "device"
    url, cookie = depart(ask, provider, Wish(purpose, query.next, user_code=query.user_code or ""))
    return TextAnswer("", 302, {"Location": url, **cookie})


@bp.api(
    "GET",
    "/api/auth/sso/{provider}/callback",
    auth="public",
    limit=limits.SSO,
    query=CallbackQuery,
    media_type="text/html",
    status=302,
    audit="identity.linked",
    also=(403, 409),
)
def callback(ask: Ask, provider: str) -> TextAnswer:
    """Take a person back from a provider, and send them on: to where they wanted, or to the page that asks what is missing.

    Only a link made by its owner is written down here; a session, or an account, is where it begins.
    """
    base, now, query = config.load().public_url, datetime.now(UTC), ask.query
    browser = browser_cookies.read(ask, "browser", base)
    returned = Returned(query.state, query.code, query.error, query.iss)
    arrived = logins_elsewhere.arrive(signer(), provider, returned, browser, callback_url, now)
    if arrived.wish.purpose == "link" and arrived.tenant:
        ask.noted.update({"tenant_id": arrived.tenant.tenant_id, "provider": provider})
        tell_owner(arrived.tenant.tenant_id)
        return TextAnswer("", 302, {"Location": arrived.wish.next})
    if arrived.tenant is None or arrived.wish.purpose == "device":
        cookie = browser_cookies.written("person", _note(arrived, now), base)
        return TextAnswer("", 302, {"Location": f"{base}/api/pages/sso", **cookie})
    return gone_on(arrived.tenant.tenant_id, browser or "", arrived.wish.next, 302)


@bp.api(
    "POST",
    "/api/auth/sso/exchange",
    auth="public",
    limit=limits.SSO,
    body=HandoverCode,
    returns=SessionAnswer,
    audit="session.started",
    also=(401, 403),
)
def exchange(ask: Ask) -> Answer:
    """Exchange the code that a login at a provider left behind `#sso_code=`, in the same browser, for a session."""
    base = config.load().public_url
    browser = browser_cookies.read(ask, "browser", base)
    client = ask.request.headers.get("user-agent", "unknown")[:200]
    tenant, session = logins_elsewhere.exchange(signer(), ask.body.code, browser, client, datetime.now(UTC))
    ask.noted["tenant_id"] = tenant.tenant_id
    return Answer(session_out(session), 200, browser_cookies.written("browser", "", base))


@bp.api(
    "POST",
    "/api/auth/sso/break-glass",
    auth="public",
    limit=limits.LOGIN,
    body=BreakGlass,
    returns=SessionAnswer,
    audit="session.started_by_break_glass",
    also=(401, 403),
)
def break_glass(ask: Ask) -> SessionAnswer:
    """Open one session without the provider that is else the only way in, by the code that was shown when it became so."""
    body: BreakGlass = ask.body
    now = datetime.now(UTC)
    ask.noted["claimed"] = body.username
    guard = Guard(body.username, address_of(ask), config.rate_limit_factor())
    tenant = identities.prove_with_code(guard, body.username, body.password, body.code, now)
    ask.noted["tenant_id"] = tenant.tenant_id
    tell_owner(tenant.tenant_id)
    client = ask.request.headers.get("user-agent", "unknown")[:200]
    return session_out(logins.begin(signer(), tenant, client, now))


def tell_owner(tenant_id: str) -> None:
    """Ask for the mail that says that the ways into an account were changed."""
    mails.ask(doors.mail_queue().put, mails.Wish("ways_in_changed", tenant_id))


def depart(ask: Ask, provider: str, wish: Wish) -> tuple[str, dict[str, str]]:
    """Return a provider's address, and the header with the cookie that ties the way back to this browser."""
    base = config.load().public_url
    # A second tab goes on with the cookie of the first, or the first would be lost.
    browser = browser_cookies.read(ask, "browser", base)
    if browser is None or len(browser) != 43:
        browser = secrets.token_urlsafe(32)
    url = logins_elsewhere.begin(signer(), provider, wish, browser, callback_url, datetime.now(UTC))
    return url, browser_cookies.written("browser", browser, base)


def gone_on(tenant_id: str, browser: str, target: str, status: int) -> TextAnswer:
    """Return the redirect to where somebody wanted to go, with the code for their session where no server logs it."""
    code = logins_elsewhere.hand_over(tenant_id, browser, secrets.token_bytes, datetime.now(UTC))
    return TextAnswer("", status, {"Location": f"{target}#sso_code={code}"})


def callback_url(provider: str) -> str:
    """Return where a provider sends people back; it has to be registered there as it stands here."""
    return f"{config.load().public_url}/api/auth/sso/{provider}/callback"


def _note(arrived: Arrived, now: datetime) -> str:
    """Return the signed note of who is back and what for, for the page that asks what is missing."""
    person = arrived.person
    facts = {
        "provider": person.provider,
        "issuer": person.issuer,
        "subject": person.subject,
        "email": person.email or "",
        "is_verified": "yes" if person.is_email_verified else "",
        "suggested": sso.suggested_name(person),
        "tenant_id": arrived.tenant.tenant_id if arrived.tenant else "",
        "then": arrived.then or "",
        "purpose": arrived.wish.purpose,
        "next": arrived.wish.next,
        "user_code": arrived.wish.user_code,
    }
    return tickets.write("sso-person", facts, signer().keys, now)
