"""A browser on the way to a provider and back, with the API in process."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.fixtures import identity_providers as providers
from tests.functional.api.client import Answer, Api

ADA = "ada@example.org"
CALLBACK = "http://127.0.0.1:9/api/auth/sso/{}/callback"

MARKS = [pytest.mark.skipif(not providers.is_node_here(), reason="needs Node.js for the OpenID Connect provider")]


@dataclass
class Browser:
    """Keeps cookies and follows nothing by itself."""

    api: Api
    cookies: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, body: Any = None, *, form: dict[str, str] | None = None) -> Answer:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        raw = None
        if form is not None:
            headers["Content_Type"], raw = "application/x-www-form-urlencoded", urlencode(form).encode()
        answer = self.api.call(method, path, body, raw=raw, **headers)
        self._keep(answer.headers.get("Set-Cookie", ""))
        return answer

    def _keep(self, header: str) -> None:
        pair, _, rules = header.partition(";")
        name, _, value = pair.partition("=")
        if "Max-Age=0" in rules:
            self.cookies.pop(name, None)
        elif name:
            self.cookies[name] = value

    def start(self, provider: str = "oidc", **query: str) -> str:
        """Begin a login and return the provider's address."""
        answer = self.call("GET", f"/api/auth/sso/{provider}/start?{urlencode(query)}")
        assert answer.status == 302, answer.text
        return answer.headers["Location"]

    def back(self, returned: dict[str, str], provider: str = "oidc") -> Answer:
        """Come back from the provider."""
        return self.call("GET", f"/api/auth/sso/{provider}/callback?{urlencode(returned)}")

    def log_in(self, login: str, **query: str) -> Answer:
        """Log in at the OIDC provider, there and back."""
        return self.back(providers.log_in(self.start(**query), login))

    def agree(self, **query: str) -> Answer:
        """Log in at GitHub, there and back."""
        return self.back(providers.agree(self.start("github", **query)), "github")

    def finish(self, **form: str) -> Answer:
        """Answer the page that asks for what is missing."""
        return self.call("POST", "/api/pages/sso", form=form)

    def session(self, answer: Answer) -> Answer:
        """Exchange the code that a redirect carries."""
        return self.call("POST", "/api/auth/sso/exchange", {"code": code_of(answer)})

    def me(self, answer: Answer) -> dict[str, Any]:
        """Return the user whose session a redirect leads to."""
        session = self.session(answer)
        assert session.status == 200, session.text
        return dict(self.api.as_(session.body["access_token"]).get("/api/auth/me").body["user"])


def code_of(answer: Answer) -> str:
    assert answer.status in (302, 303), answer.text
    return urlsplit(answer.headers["Location"]).fragment.removeprefix("sso_code=")


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
