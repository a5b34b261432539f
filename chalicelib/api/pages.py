"""Small HTML pages, for what a person does from a mail or while signing in. No script, nothing from elsewhere.

A GET only shows a page, because programs that check mails open every link in them; only a POST does something.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from chalicelib import templating
from chalicelib.api.blueprint import TextAnswer

_TITLES = {
    400: "This cannot be read",
    401: "Not signed in",
    403: "Not allowed",
    404: "Nothing here",
    409: "Something has changed meanwhile",
    413: "Too large",
    415: "Wrong kind of content",
    422: "Something is missing or wrong",
    429: "Too many tries",
    503: "Please try again in a moment",
}


def page(
    name: str, *, status: int = 200, headers: Mapping[str, str] | None = None, leads_to: Sequence[str] = (), **values: Any
) -> TextAnswer:
    """Return the page templates/pages/`name` with these values.

    leads_to: origins, such as https://accounts.example.org, that the answer to the page's form may redirect to.
    """
    text = templating.render(f"pages/{name}", style=_style(), **values)
    return TextAnswer(text, status, {"Content-Security-Policy": content_policy(leads_to), **(headers or {})})


def message(title: str, *paragraphs: str, status: int = 200) -> TextAnswer:
    """Return a page that only says something."""
    return page("message.html", status=status, title=title, paragraphs=paragraphs)


def error(status: int, body: Mapping[str, Any]) -> TextAnswer:
    """Return the page in place of an error body; see chalicelib/api/errors.py."""
    facts = body["error"]
    values = {name: facts[name] for name in ("message", "problems", "request_id")}
    return page("error.html", status=status, title=_TITLES.get(status, "Something went wrong"), **values)


def content_policy(leads_to: Sequence[str] = ()) -> str:
    """Return the policy that lets a page use its own style and send its own form, and nothing else."""
    own = f"default-src 'none'; style-src 'sha256-{_style_hash()}'; form-action "
    return own + " ".join(["'self'", *leads_to]) + "; base-uri 'none'; frame-ancestors 'none'"


@cache
def _style() -> str:
    return templating.text_of("pages/style.css")


@cache
def _style_hash() -> str:
    return base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
