"""Pages: what they look like to a browser that trusts nobody, and what goes wrong on one."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from chalice.app import Chalice
from chalice.test import Client
from pydantic import Field

from chalicelib.api import pages
from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, TextAnswer
from chalicelib.domain.errors import Conflict

NASTY = '<script>alert("x")</script>'


class Sent(Model):
    word: str = Field(max_length=5)


@pytest.fixture
def browser():
    """A small application with one page."""
    bp = ApiBlueprint("tests.pages")

    @bp.api("GET", "/page", auth="public", limit=None, media_type="text/html")
    def show(ask: Ask) -> TextAnswer:
        """Show a page."""
        return pages.message("A title", NASTY)

    @bp.api("POST", "/page", auth="public", limit=None, media_type="text/html", body=Sent, body_format="form")
    def take(ask: Ask) -> TextAnswer:
        """Take a form."""
        raise Conflict(f"no {NASTY}") if ask.body.word == "taken" else ZeroDivisionError

    app = Chalice(app_name="tiny")
    app.register_blueprint(bp)
    return Client(app)


def send(browser: Client, form: str):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return browser.http.request("POST", "/page", headers=headers, body=form.encode())


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "style") or name.startswith("on")]


def tags_of(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    return tags


def test_a_page_is_html_that_nobody_keeps(browser):
    answer = browser.http.get("/page")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_policy_lets_in_the_page_own_style_and_nothing_else(browser):
    answer = browser.http.get("/page")
    style = re.search("<style>(.*)</style>", answer.body.decode(), re.DOTALL)

    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert answer.headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def test_a_page_has_no_script_and_fetches_nothing(browser):
    tags = tags_of(browser.http.get("/page").body.decode())

    assert tags.names.count("style") == 1
    assert not {"script", "link", "img", "iframe"} & set(tags.names)
    assert tags.addresses == []


def test_what_a_page_shows_is_escaped(browser):
    text = browser.http.get("/page").body.decode()

    assert NASTY not in text
    assert "&lt;script&gt;" in text


def test_a_form_may_be_led_on_to_named_origins_only():
    assert "form-action 'self' https://accounts.example.org;" in pages.content_policy(["https://accounts.example.org"])


def test_a_form_that_breaks_a_rule_is_answered_by_a_page(browser):
    answer = send(browser, "word=toolong&other=1")
    text = answer.body.decode()

    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "text/html; charset=utf-8")
    assert "<code>word</code>: at most 5 characters" in text
    assert "<code>other</code>: unknown field" in text
    assert answer.headers["X-Request-Id"] in text


def test_an_error_is_a_page_and_escaped_too(browser):
    answer = send(browser, "word=taken")

    assert answer.status_code == 409
    assert NASTY not in answer.body.decode()
    assert "style-src 'sha256-" in answer.headers["Content-Security-Policy"]


def test_a_mistake_of_ours_is_a_page_that_says_nothing_of_it(browser):
    answer = send(browser, "word=x")

    assert answer.status_code == 500
    assert "ZeroDivision" not in answer.body.decode()
    assert "Something went wrong" in answer.body.decode()
