"""The two cookies of a login at a provider. Neither says who somebody is: what counts is what the provider and we have signed.

The browser's cookie ties the way back to the way there; the person's holds, while a page asks what to do, who came back.
"""

from http.cookies import CookieError, SimpleCookie
from typing import Literal

from chalicelib.api.blueprint import Ask
from chalicelib.services import tickets

Name = Literal["browser", "person"]


def read(ask: Ask, name: Name, public_url: str) -> str | None:
    """Return a cookie's value, or None."""
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(ask.request.headers.get("cookie", ""))
    except CookieError:
        return None
    found = jar.get(_full(name, public_url))
    return found.value if found and found.value else None


def written(name: Name, value: str, public_url: str) -> dict[str, str]:
    """Return the header that keeps a value in the browser for as long as a login may take; an empty one is removed."""
    age_s = int(tickets.LIFE.total_seconds()) if value else 0
    secure = "; Secure" if _is_https(public_url) else ""
    # Lax: it has to come along when the provider sends the browser back here.
    rules = f"Path=/; Max-Age={age_s}; HttpOnly; SameSite=Lax{secure}"
    return {"Set-Cookie": f"{_full(name, public_url)}={value}; {rules}"}


def _full(name: Name, public_url: str) -> str:
    # With this prefix a browser takes the cookie from this very host over https only, so that no neighbour can plant it.
    return f"__Host-crontopus-{name}" if _is_https(public_url) else f"crontopus-{name}"


def _is_https(public_url: str) -> bool:
    return public_url.startswith("https://")
