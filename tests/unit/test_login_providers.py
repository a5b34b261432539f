"""Which providers a deployment has, and what GitHub is asked."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib import config
from chalicelib.domain.errors import Forbidden, Unavailable
from chalicelib.domain.sso import Provider
from chalicelib.providers.github import GitHubClient
from chalicelib.providers.transport import Reply
from infra.local.layout import login_providers

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
GITHUB = Provider("github", "GitHub", "github", "https://github.com", "us", ("read:user", "user:email"))


def named(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[Provider]:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return list(config.sso_providers())


def test_without_a_client_id_there_is_none(monkeypatch: pytest.MonkeyPatch):
    assert named(monkeypatch, SSO_GOOGLE_CLIENT_ID="", SSO_OIDC_ISSUER="https://id.example.org") == []


def test_without_an_issuer_there_is_no_other_provider(monkeypatch: pytest.MonkeyPatch):
    assert named(monkeypatch, SSO_OIDC_CLIENT_ID="us", SSO_OIDC_ISSUER="") == []


def test_each_is_known_by_its_client_id(monkeypatch: pytest.MonkeyPatch):
    found = named(
        monkeypatch,
        SSO_GOOGLE_CLIENT_ID="g",
        SSO_GOOGLE_HOSTED_DOMAIN="example.org",
        SSO_GITHUB_CLIENT_ID="h",
        SSO_GITHUB_URL="",
        SSO_OIDC_CLIENT_ID="o",
        SSO_OIDC_ISSUER="https://id.example.org/",
        SSO_OIDC_LABEL="",
        SSO_OIDC_SCOPES="openid email",
    )

    assert [(one.name, one.kind, one.issuer, one.client_id) for one in found] == [
        ("google", "oidc", "https://accounts.google.com", "g"),
        ("github", "github", "https://github.com", "h"),
        ("oidc", "oidc", "https://id.example.org/", "o"),
    ]
    assert [one.hosted_domain for one in found] == ["example.org", "", ""]
    assert (found[2].label, found[2].scopes) == ("Single sign-on", ("openid", "email"))


def test_the_local_stack_takes_them_from_its_environment():
    found = login_providers({"CRONTOPUS_OIDC_ISSUER": "http://127.0.0.1:1", "CRONTOPUS_OIDC_CLIENT_SECRET": "s"})

    assert (found.parameters["SsoOidcIssuer"], found.parameters["SsoOidcClientId"]) == ("http://127.0.0.1:1", "")
    assert found.secrets == {"oidc": "s"}


class Site:
    """GitHub's answers, by address."""

    def __init__(self, **changes: Reply) -> None:
        self.asked: list[str] = []
        self.answers = {
            "access_token": Reply(200, {"access_token": "gho_x", "token_type": "bearer"}),
            "user": Reply(200, {"id": 7, "login": "ada", "email": "public@example.org"}),
            "emails": Reply(200, [{"email": "ada@example.org", "primary": True, "verified": True}]),
        } | changes

    def get(self, url: str, authorization: str | None = None) -> Reply:
        self.asked.append(url)
        return self.answers[url.rpartition("/")[2]]


def person(site: Site, provider: Provider = GITHUB):
    class Poster:
        def get(self, url: str, authorization: str | None = None) -> Reply:
            return site.get(url, authorization)

        def post(self, url: str, form: dict[str, str], authorization: str | None = None) -> Reply:
            return site.get(url)

    client = GitHubClient(provider, Poster())  # type: ignore[arg-type]
    return client.person("code", "https://us.example.org/cb", "v" * 43, "n", "s", NOW)


def test_github_com_is_asked_at_its_api():
    site = Site()

    assert person(site).email == "ada@example.org"
    assert site.asked == [
        "https://github.com/login/oauth/access_token",
        "https://api.github.com/user",
        "https://api.github.com/user/emails",
    ]


def test_an_enterprise_server_is_asked_at_its_own():
    site = Site()
    person(site, Provider("github", "GitHub", "github", "https://ghe.example.org", "us", ()))

    assert site.asked[1] == "https://ghe.example.org/api/v3/user"


def test_github_is_sent_the_challenge_and_no_more_than_it_needs():
    url = GitHubClient(GITHUB, Site()).authorization_url("https://us/cb", "st", "n", "ch")  # type: ignore[arg-type]

    query = parse_qs(urlsplit(url).query)
    assert (query["code_challenge"], query["code_challenge_method"], query["state"]) == (["ch"], ["S256"], ["st"])
    assert query["scope"] == ["read:user user:email"]
    assert "nonce" not in query


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": Reply(200, {"error": "bad_verification_code"})},
        {"access_token": Reply(200, {"access_token": "x", "error": "oops"})},
        {"access_token": Reply(404, None)},
        {"user": Reply(401, {"message": "Bad credentials"})},
        {"user": Reply(200, {"login": "ada"})},
        {"user": Reply(200, {"id": "7"})},
    ],
)
def test_without_an_account_nobody_is_in(changes: dict[str, Reply]):
    with pytest.raises(Forbidden):
        person(Site(**changes))


def test_a_github_that_does_not_answer_is_told_from_one_that_says_no():
    with pytest.raises(Unavailable):
        person(Site(user=Reply(429, None)))


@pytest.mark.parametrize(
    "emails", [Reply(200, {"message": "x"}), Reply(404, None), Reply(200, ["x"]), Reply(200, [{"primary": True}])]
)
def test_without_an_address_nobody_is_verified(emails: Reply):
    found = person(Site(emails=emails))

    assert (found.subject, found.email, found.is_email_verified) == ("7", None, False)
