"""Single sign-on against a certified OpenID Connect provider in a process of its own, and GitHub's OAuth 2."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from chalicelib.domain.device import GRANT_TYPE
from chalicelib.services import doors
from chalicelib.store import tenants as tenant_store
from chalicelib.store.tokens import TokenItem
from tests.fixtures import identity_providers as providers
from tests.functional.api import forge as forges
from tests.functional.api.client import Api
from tests.functional.api.conftest import PASSWORD
from tests.functional.api.sso_world import CALLBACK, Browser, code_of
from tests.tables import aws

pytestmark = [
    pytest.mark.skipif(not providers.is_node_here(), reason="needs Node.js for the OpenID Connect provider"),
    pytest.mark.xdist_group("sso"),
]
ADA = "ada@example.org"


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    with providers.oidc_provider(CALLBACK.format("oidc")) as issuer:
        yield issuer


@pytest.fixture(scope="session")
def github_site() -> Iterator[providers.GitHub]:
    with providers.github() as site:
        yield site


@pytest.fixture
def github(github_site) -> providers.GitHub:
    github_site.emails = [{"email": ADA, "primary": True, "verified": True, "visibility": "private"}]
    return github_site


@pytest.fixture
def sso(api, forge, issuer, github, monkeypatch) -> Api:
    """The API with two providers."""
    for name, value in {
        "SSO_OIDC_ISSUER": issuer,
        "SSO_OIDC_CLIENT_ID": providers.CLIENT_ID,
        "SSO_OIDC_LABEL": "Example Inc.",
        "SSO_GITHUB_URL": github.url,
        "SSO_GITHUB_CLIENT_ID": providers.CLIENT_ID,
    }.items():
        monkeypatch.setenv(name, value)
    secret = {
        "jwt_keys": {"test": base64.b64encode(bytes(32)).decode()},
        "forge_token": forge.bot_token,
        "forge_admin": f"{forges.ADMIN}:{forges.ADMIN_PASSWORD}",
        "sso": {"oidc": providers.CLIENT_SECRET, "github": providers.CLIENT_SECRET},
    }
    aws("secretsmanager").put_secret_value(SecretId="crontopus/test/app", SecretString=json.dumps(secret))
    doors.vault().forget()
    doors.identity_providers.cache_clear()
    yield api
    doors.identity_providers.cache_clear()


@pytest.fixture
def browser(sso) -> Browser:
    return Browser(sso)


@pytest.fixture
def known(browser) -> Browser:
    """A browser whose person has an account: ada, made by the provider's login."""
    browser.log_in(ADA)
    assert browser.finish(username="ada").status == 303
    return browser


@pytest.fixture
def with_password(sso, ada) -> Api:
    """Ada, who registered with a password and proved her address."""
    tenant = tenant_store.find("ada")
    assert tenant
    if tenant.email_verified_at is None:
        tenant_store.prove_email(tenant, "active", datetime.now(UTC))
    return ada


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_the_login_page_lists_what_is_configured(sso):
    found = sso.get("/api/auth/sso").body["providers"]

    assert [(one["name"], one["label"]) for one in found] == [("github", "GitHub"), ("oidc", "Example Inc.")]
    assert found[1]["start_url"] == "http://127.0.0.1:9/api/auth/sso/oidc/start"


def test_without_configuration_there_is_none(api):
    doors.identity_providers.cache_clear()

    assert api.get("/api/auth/sso").body == {"providers": []}
    assert api.get("/api/auth/sso/google/start").status == 404


class TestTheWayThere:
    def test_the_request_binds_the_answer_to_this_login(self, browser, issuer):
        url = browser.start()
        query = query_of(url)

        assert url.startswith(f"{issuer}/auth?")
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        assert query["redirect_uri"] == CALLBACK.format("oidc")
        assert len(query["nonce"]) == len(query["code_challenge"]) == 43

    def test_each_login_has_secrets_of_its_own(self, browser):
        first, second = query_of(browser.start()), query_of(browser.start())

        assert all(first[name] != second[name] for name in ("state", "nonce", "code_challenge"))

    def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(self, sso, monkeypatch):
        header = sso.get("/api/auth/sso/oidc/start").headers["Set-Cookie"]

        assert header.startswith("crontopus-browser=")
        assert all(rule in header for rule in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"))

    def test_over_https_no_neighbour_can_plant_it(self, sso, monkeypatch):
        from chalicelib import config

        monkeypatch.setenv("PUBLIC_URL", "https://cron.example.org")
        config.load.cache_clear()
        header = sso.get("/api/auth/sso/oidc/start").headers["Set-Cookie"]
        config.load.cache_clear()

        assert header.startswith("__Host-crontopus-browser=") and "Secure" in header and "Domain" not in header

    @pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "jobs"])
    def test_it_leads_to_no_other_site(self, sso, target):
        assert sso.get(f"/api/auth/sso/oidc/start?{urlencode({'next': target})}").status == 422


class TestNewPeople:
    def test_they_choose_a_name_and_have_an_account(self, browser):
        asked = browser.log_in(ADA, next="/jobs?tab=all")
        page = browser.call("GET", asked.headers["Location"].removeprefix("http://127.0.0.1:9"))
        done = browser.finish(username="ada")

        assert asked.headers["Location"].endswith("/api/pages/sso")
        assert 'value="ada"' in page.text and ADA in page.text
        assert done.headers["Location"].startswith("/jobs?tab=all#sso_code=cth_")
        me = browser.me(done)
        assert (me["username"], me["email"], me["email_verified"], me["state"]) == ("ada", ADA, True, "active")

    def test_the_account_works_like_any_other(self, known, forge):
        session = known.session(known.log_in(ADA)).body
        ada = known.api.as_(session["access_token"])

        created = ada.post("/api/jobs", {"name": "a", "schedule": "@daily", "command": "true"})

        assert created.status == 201
        assert forge.commits("ada")[0]["author"] == "ada"

    def test_its_password_is_answered_as_that_of_nobody(self, known):
        for password in ("", "x", PASSWORD):
            answers = [known.api.login(name, password) for name in ("ada", "nobody")]
            assert answers[0].status in (401, 422)
            assert answers[0].body["error"]["message"] == answers[1].body["error"]["message"]

    @pytest.mark.parametrize("name", ["", "Ada L", "admin", "taken"])
    def test_a_name_that_will_not_do_is_asked_for_again(self, browser, sso, name):
        sso.post("/api/auth/register", {"username": "taken", "email": "t@example.org", "password": PASSWORD})
        browser.log_in(ADA)

        again = browser.finish(username=name)

        assert again.status == 422
        assert 'role="alert"' in again.text
        assert browser.finish(username="ada").status == 303

    def test_an_address_that_the_provider_has_not_verified_opens_no_account(self, browser):
        answer = browser.log_in(f"unverified:{ADA}")

        assert answer.status == 403
        assert "not confirmed" in answer.text

    def test_a_registration_that_broke_off_goes_on(self, browser, flaky_forge):
        doors.identity_providers.cache_clear()
        browser.log_in(ADA)
        flaky_forge.fail_call(2)
        first = browser.finish(username="ada").status
        flaky_forge.heal()

        asked_again = browser.log_in(ADA)
        again = browser.finish(username="ada")

        assert (first, asked_again.headers["Location"][-14:], again.status) == (503, "/api/pages/sso", 303)
        assert browser.me(again)["state"] == "active"

    def test_nobody_else_goes_on_with_it(self, browser, sso, flaky_forge):
        doors.identity_providers.cache_clear()
        browser.log_in(ADA)
        flaky_forge.fail_call(2)
        browser.finish(username="ada")
        flaky_forge.heal()
        other = Browser(sso)
        other.log_in("eve@example.org")

        assert other.finish(username="ada").status == 422


class TestKnownPeople:
    def test_who_is_known_is_in_at_once(self, known):
        assert known.me(known.log_in(ADA, next="/runs"))["username"] == "ada"

    def test_they_are_known_by_their_subject_and_not_by_their_address(self, known, sso):
        """Somebody else at the provider now has Ada's address."""
        tenant = tenant_store.find("ada")
        assert tenant
        tenant_store.change_email(tenant, "moved@example.org", datetime.now(UTC))
        other = Browser(sso)

        assert other.log_in("moved@example.org").status == 403
        assert known.me(known.log_in(ADA))["email"] == "moved@example.org"

    def test_a_suspended_account_stays_closed(self, known):
        tenant = tenant_store.find("ada")
        assert tenant
        tenant_store.move_to(tenant, "suspended", datetime.now(UTC), because="test")

        answer = known.log_in(ADA)

        assert answer.status == 403
        assert "suspended" in answer.text


class TestAccountsWithTheSameAddress:
    def test_the_password_once_links_the_two(self, browser, with_password):
        asked = browser.log_in(ADA)
        page = browser.call("GET", "/api/pages/sso")
        wrong = browser.finish(password="wrong")
        right = browser.finish(password=PASSWORD)

        assert asked.headers["Location"].endswith("/api/pages/sso")
        assert "There is an account" in page.text
        assert (wrong.status, right.status) == (422, 303)
        assert browser.me(right)["username"] == "ada"
        assert browser.me(browser.log_in(ADA))["username"] == "ada"

    def test_an_address_that_is_not_proved_here_links_nothing(self, browser, sso):
        """Else whoever registered somebody's address first would wait for them to come."""
        sso.post("/api/auth/register", {"username": "squatter", "email": ADA, "password": PASSWORD})

        answer = browser.log_in(ADA)

        assert answer.status == 403
        assert "log in to it as before" in answer.text

    def test_an_address_that_is_not_proved_there_links_nothing(self, browser, with_password):
        assert browser.log_in(f"unverified:{ADA}").status == 403

    def test_a_name_does_not_get_around_the_password(self, browser, with_password):
        browser.log_in(ADA)

        assert browser.finish(username="ada").status == 422


class TestTheWayBack:
    """What comes back in the wrong place, at the wrong time, or twice."""

    def test_another_browser_cannot_bring_it(self, browser, sso):
        returned = providers.log_in(browser.start(), ADA)
        other = Browser(sso)
        other.start()

        assert other.back(returned).status == 403
        assert Browser(sso).back(returned).status == 403

    def test_a_code_is_good_once(self, known):
        returned = providers.log_in(known.start(), ADA)

        assert [known.back(returned).status for _ in range(2)] == [302, 403]

    def test_a_state_of_another_login_does_not_fit(self, known):
        first, second = known.start(), known.start()
        returned = providers.log_in(first, ADA)

        answer = known.back(returned | {"state": query_of(second)["state"]})

        assert answer.status == 403
        assert "does not take the code" in answer.text  # its PKCE verifier is another one

    def test_a_state_of_another_provider_does_not_fit(self, known):
        returned = providers.log_in(known.start(), ADA)

        assert known.back(returned, "github").status == 403

    @pytest.mark.parametrize("state", ["", "x", "a.b.c"])
    def test_a_state_that_is_not_ours_does_not_fit(self, known, state):
        returned = providers.log_in(known.start(), ADA)

        assert known.back(returned | {"state": state}).status == 403

    def test_an_access_token_is_no_state(self, known):
        token = known.session(known.log_in(ADA)).body["access_token"]
        returned = providers.log_in(known.start(), ADA)

        assert known.back(returned | {"state": token}).status == 403

    def test_a_token_with_another_nonce_is_not_believed(self, known):
        """The provider signs whatever nonce it was sent."""
        url = known.start()
        replaced = url.replace(query_of(url)["nonce"], "somebody-elses-nonce")

        answer = known.back(providers.log_in(replaced, ADA))

        assert answer.status == 403
        assert "(nonce)" in answer.text

    def test_a_code_with_another_challenge_is_not_exchanged(self, known):
        url = known.start()
        replaced = url.replace(query_of(url)["code_challenge"], "x" * 43)

        assert known.back(providers.log_in(replaced, ADA)).status == 403

    def test_an_answer_of_another_issuer_is_a_mix_up(self, known):
        returned = providers.log_in(known.start(), ADA)

        assert known.back(returned | {"iss": "https://evil.example"}).status == 403
        assert known.back({name: value for name, value in returned.items() if name != "iss"}).status == 403

    def test_a_cancelled_login_says_so(self, known, issuer):
        state = query_of(known.start())["state"]

        answer = known.back({"error": "access_denied", "state": state, "iss": issuer})

        assert answer.status == 403
        assert "cancelled" in answer.text

    def test_a_login_ends_after_ten_minutes(self, known, time_machine):
        returned = providers.log_in(known.start(), ADA)
        time_machine.shift(601)

        assert known.back(returned).status == 403

    def test_words_of_the_provider_that_we_do_not_know_do_no_harm(self, known):
        returned = providers.log_in(known.start(), ADA)

        assert known.back(returned | {"session_state": "x", "authuser": "0", "scope": "openid"}).status == 302


class TestTheHandover:
    def test_no_token_is_in_an_address(self, known):
        location = known.log_in(ADA).headers["Location"]

        assert location.startswith("/#sso_code=cth_")
        assert "ey" not in location.partition("#")[0]

    def test_a_code_is_good_once(self, known):
        answer = known.log_in(ADA)
        cookies = dict(known.cookies)
        first = known.session(answer)
        known.cookies = cookies

        assert (first.status, known.session(answer).status) == (200, 401)

    def test_a_code_is_good_for_a_minute(self, known, time_machine):
        answer = known.log_in(ADA)
        time_machine.shift(61)

        assert known.session(answer).status == 401

    def test_a_code_is_this_browsers(self, known, sso):
        """Else a link with somebody's code would log others in as them."""
        answer = known.log_in(ADA)
        stranger = Browser(sso)
        stranger.start()

        assert [stranger.session(answer).status, Browser(sso).session(answer).status] == [401, 401]
        assert known.session(answer).status == 200

    @pytest.mark.parametrize("code", ["", "cth_" + "0" * 49, "ctr_" + "0" * 49])
    def test_an_unknown_code_is_refused(self, known, code):
        assert known.call("POST", "/api/auth/sso/exchange", {"code": code}).status == 401

    def test_neither_code_nor_cookie_is_stored(self, known):
        code = code_of(known.log_in(ADA))
        everything = " ".join(str(item.attribute_values) for item in TokenItem.scan())

        assert code not in everything
        assert known.cookies["crontopus-browser"] not in everything


class TestGitHub:
    def test_a_verified_primary_address_opens_an_account(self, browser):
        browser.agree()
        done = browser.finish(username="ada")

        assert browser.me(done)["email"] == ADA
        assert browser.me(browser.agree())["username"] == "ada"

    @pytest.mark.parametrize(
        "emails",
        [
            [],
            [{"email": ADA, "primary": True, "verified": False}],
            [{"email": ADA, "primary": False, "verified": True}],
            [
                {"email": "other@example.org", "primary": True, "verified": False},
                {"email": ADA, "primary": False, "verified": True},
            ],
        ],
    )
    def test_no_other_address_does(self, browser, github, emails):
        github.emails = emails

        assert browser.agree().status == 403

    def test_a_renamed_login_stays_the_same_person(self, browser, github):
        browser.agree()
        browser.finish(username="ada")
        github.user = github.user | {"login": "renamed"}

        assert browser.me(browser.agree())["username"] == "ada"

    def test_a_code_is_good_once(self, browser):
        returned = providers.agree(browser.start("github"))

        assert [browser.back(returned, "github").status for _ in range(2)] == [302, 403]

    def test_a_code_with_another_challenge_is_not_exchanged(self, browser):
        url = browser.start("github")
        returned = providers.agree(url.replace(query_of(url)["code_challenge"], "x" * 43))

        assert browser.back(returned, "github").status == 403


class TestIdentities:
    def person(self, browser, answer):
        return browser.api.as_(browser.session(answer).body["access_token"])

    def link(self, browser, api, provider="github"):
        browser.api = api
        started = browser.call("POST", f"/api/auth/identities/{provider}", {"next": "/settings"})
        browser.api = api.as_(None)
        return started

    def test_a_second_provider_is_linked_while_logged_in(self, known, sso):
        ada = self.person(known, known.log_in(ADA))
        url = self.link(known, ada).body["authorization_url"]
        done = known.back(providers.agree(url), "github")

        assert (done.status, done.headers["Location"]) == (302, "/settings")
        listed = ada.get("/api/auth/identities").body
        assert [one["provider"] for one in listed["identities"]] == ["oidc", "github"]
        assert listed["has_password"] is False
        assert known.me(known.agree())["username"] == "ada"

    def test_an_address_does_not_matter_when_the_owner_links(self, known, github):
        github.emails = []
        ada = self.person(known, known.log_in(ADA))

        assert known.back(providers.agree(self.link(known, ada).body["authorization_url"]), "github").status == 302

    def test_a_person_is_one_accounts_only(self, known, sso, eve):
        stranger = Browser(sso)
        url = self.link(stranger, eve, "oidc").body["authorization_url"]

        assert stranger.back(providers.log_in(url, ADA)).status == 409
        assert known.me(known.log_in(ADA))["username"] == "ada"

    def test_the_last_way_in_stays(self, known):
        ada = self.person(known, known.log_in(ADA))
        (only,) = ada.get("/api/auth/identities").body["identities"]

        refused = ada.delete(f"/api/auth/identities/{only['id']}")

        assert (refused.status, refused.code) == (409, "last_way_in")
        assert known.me(known.log_in(ADA))["username"] == "ada"

    def test_with_a_password_every_identity_may_go(self, browser, with_password):
        browser.log_in(ADA)
        browser.finish(password=PASSWORD)
        (only,) = with_password.get("/api/auth/identities").body["identities"]

        assert with_password.delete(f"/api/auth/identities/{only['id']}").status == 200
        assert with_password.get("/api/auth/identities").body["identities"] == []
        assert browser.log_in(ADA).headers["Location"].endswith("/api/pages/sso")
        assert with_password.delete(f"/api/auth/identities/{only['id']}").status == 404

    def test_of_two_identities_one_may_go(self, known):
        ada = self.person(known, known.log_in(ADA))
        known.back(providers.agree(self.link(known, ada).body["authorization_url"]), "github")
        first, second = ada.get("/api/auth/identities").body["identities"]

        assert ada.delete(f"/api/auth/identities/{first['id']}").status == 200
        assert ada.delete(f"/api/auth/identities/{second['id']}").status == 409

    def test_an_api_token_changes_no_way_in(self, known):
        ada = self.person(known, known.log_in(ADA))
        token = ada.as_(ada.post("/api/tokens", {"name": "all", "scopes": ["admin:*"]}).body["plain_text"])
        (only,) = ada.get("/api/auth/identities").body["identities"]

        answers = [
            token.post("/api/auth/identities/github", {}),
            token.delete(f"/api/auth/identities/{only['id']}"),
            token.put("/api/auth/sso/policy", {"sso_only": True}),
        ]

        assert [(answer.status, answer.code) for answer in answers] == [(403, "session_needed")] * 3


class TestProvidersOnly:
    @pytest.fixture
    def sworn(self, browser, with_password):
        """Ada's break-glass code; only her provider opens the account."""
        browser.log_in(ADA)
        browser.finish(password=PASSWORD)
        return with_password.put("/api/auth/sso/policy", {"sso_only": True}).body["break_glass_code"]

    def glass(self, api, code, password=PASSWORD, username="ada"):
        return api.post("/api/auth/sso/break-glass", {"username": username, "password": password, "code": code})

    def test_the_password_opens_nothing_any_more(self, sso, browser, sworn):
        answer = sso.login("ada", PASSWORD)

        assert (answer.status, answer.code) == (403, "sso_only")
        assert browser.me(browser.log_in(ADA))["username"] == "ada"

    def test_a_wrong_password_does_not_tell(self, sso, sworn):
        assert sso.login("ada", "wrong").status == 401

    def test_the_device_page_takes_no_password_either(self, sso, sworn):
        started = sso.post("/api/auth/device", {"client_id": "cli"}).body
        fields = {"user_code": started["user_code"], "username": "ada", "password": PASSWORD}

        assert sso.form("/api/pages/device", fields).status == 403

    def test_without_the_provider_password_and_code_open_it_once(self, sso, sworn):
        assert [self.glass(sso, sworn, "wrong").status, self.glass(sso, sworn).status, self.glass(sso, sworn).status] == [
            401,
            200,
            401,
        ]

    def test_a_code_opens_its_own_account_only(self, sso, eve, sworn):
        assert self.glass(sso, sworn, username="eve").status == 401
        assert self.glass(sso, sworn).status == 200

    def test_a_new_code_ends_the_one_before(self, sso, with_password, sworn):
        newer = with_password.put("/api/auth/sso/policy", {"sso_only": True}).body["break_glass_code"]

        assert [self.glass(sso, sworn).status, self.glass(sso, newer).status] == [401, 200]

    def test_the_last_identity_stays_although_there_is_a_password(self, with_password, sworn):
        (only,) = with_password.get("/api/auth/identities").body["identities"]

        assert with_password.delete(f"/api/auth/identities/{only['id']}").code == "last_way_in"

    def test_it_takes_a_provider_to_swear_the_password_off(self, with_password):
        answer = with_password.put("/api/auth/sso/policy", {"sso_only": True})

        assert (answer.status, answer.code) == (409, "sso_not_linked")

    def test_taken_back_the_password_is_good_again_and_the_code_is_not(self, sso, with_password, sworn):
        with_password.put("/api/auth/sso/policy", {"sso_only": False})

        assert sso.login("ada", PASSWORD).status == 200
        assert self.glass(sso, sworn).status == 401


class TestDevices:
    def approve(self, browser, page):
        ticket = page.text.partition('name="ticket" value="')[2].partition('"')[0]
        return browser.call("POST", "/api/pages/device/confirm", form={"ticket": ticket, "decision": "approve"})

    def poll(self, api, started):
        form = urlencode({"grant_type": GRANT_TYPE, "device_code": started["device_code"]}).encode()
        return api.call("POST", "/api/auth/device/token", raw=form, Content_Type="application/x-www-form-urlencoded")

    @pytest.fixture
    def started(self, sso):
        return sso.post("/api/auth/device", {"client_id": "cli", "client_name": "crontopus on laptop"}).body

    def test_the_page_offers_the_providers(self, sso, started):
        page = sso.page(f"/api/pages/device?user_code={started['user_code']}").body

        assert f'href="../auth/sso/oidc/start?user_code={started["user_code"]}"' in page
        assert "Go on with Example Inc." in page

    def test_a_login_at_a_provider_completes_a_device_login(self, known, sso, started):
        known.log_in(ADA, user_code=started["user_code"])
        page = known.call("GET", "/api/pages/sso")
        waiting = self.poll(sso, started).code
        self.approve(known, page)

        assert "crontopus on laptop" in page.text
        assert waiting == "authorization_pending"
        assert self.poll(sso, started).status == 200

    def test_the_code_may_be_typed_afterwards(self, known, sso, started):
        known.log_in(ADA, user_code="")
        asked = known.call("GET", "/api/pages/sso")
        wrong = known.finish(user_code="BCDF-GHJK")
        self.approve(known, known.finish(user_code=started["user_code"]))

        assert 'name="user_code"' in asked.text
        assert wrong.status == 422
        assert self.poll(sso, started).status == 200

    def test_somebody_new_gets_an_account_on_the_way(self, browser, sso, started):
        browser.log_in(ADA, user_code=started["user_code"])
        self.approve(browser, browser.finish(username="ada"))

        assert self.poll(sso, started).status == 200


def test_the_page_needs_a_login_at_a_provider(sso, known):
    token = known.session(known.log_in(ADA)).body["access_token"]

    for cookies in ({}, {"crontopus-person": "x"}, {"crontopus-person": token}):
        browser = Browser(sso, cookies)
        assert browser.call("GET", "/api/pages/sso").status == 403
        assert browser.finish(username="eve").status == 403


def test_a_provider_that_is_down_is_told(sso, monkeypatch):
    monkeypatch.setenv("SSO_OIDC_ISSUER", "http://127.0.0.1:1")
    doors.identity_providers.cache_clear()

    answer = sso.get("/api/auth/sso/oidc/start")

    assert answer.status == 503
    assert "cannot be reached" in answer.text
