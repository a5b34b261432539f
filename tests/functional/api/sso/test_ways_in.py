"""Single sign-on: several ways into one account, and programs that people let in."""

from urllib.parse import urlencode

import pytest

from chalicelib.domain.device import GRANT_TYPE
from tests.fixtures import identity_providers as providers
from tests.functional.api.conftest import PASSWORD
from tests.functional.api.sso.world import ADA, MARKS, Browser, query_of

pytestmark = MARKS


class TestGitHub:
    def test_a_verified_primary_address_opens_an_account(self, browser):
        browser.agree()
        done = browser.finish(username="ada")

        assert browser.me(done)["email"] == ADA
        assert browser.me(browser.agree())["username"] == "ada"

    def test_no_other_address_does(self, browser, github):
        for emails in (
            [],
            [{"email": ADA, "primary": True, "verified": False}],
            [{"email": ADA, "primary": False, "verified": True}],
            [
                {"email": "b@b.example", "primary": True, "verified": False},
                {"email": ADA, "primary": False, "verified": True},
            ],
        ):
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

    def test_the_owner_is_told_of_each_change(self, browser, with_password, mailbox):
        mailbox.look()
        browser.log_in(ADA)
        browser.finish(password=PASSWORD)
        linked = mailbox.look()
        code = with_password.put("/api/auth/sso/policy", {"sso_only": True}).body["break_glass_code"]
        browser.api.post("/api/auth/sso/break-glass", {"username": "ada", "password": PASSWORD, "code": code})
        sworn_and_broken = mailbox.look()
        with_password.put("/api/auth/sso/policy", {"sso_only": False})
        (only,) = with_password.get("/api/auth/identities").body["identities"]
        with_password.delete(f"/api/auth/identities/{only['id']}")

        assert [(mail.to, mail.subject) for mail in linked] == [(ADA, "How your account is opened was changed")]
        assert (len(sworn_and_broken), len(mailbox.look())) == (2, 2)
        assert "break-glass" in linked[0].text and "break-glass" in linked[0].html

    def test_a_login_of_long_ago_changes_no_way_in(self, known, time_machine):
        session = known.session(known.log_in(ADA)).body
        time_machine.shift(14 * 60)
        refreshed = known.api.post("/api/auth/refresh", {"refresh_token": session["refresh_token"]}).body
        ada = known.api.as_(refreshed["access_token"])
        (only,) = ada.get("/api/auth/identities").body["identities"]
        fresh = ada.post("/api/auth/identities/github", {}).status
        time_machine.shift(2 * 60)

        answers = [
            ada.post("/api/auth/identities/github", {}),
            ada.delete(f"/api/auth/identities/{only['id']}"),
            ada.put("/api/auth/sso/policy", {"sso_only": True}),
        ]

        assert fresh == 200
        assert [(answer.status, answer.code) for answer in answers] == [(403, "login_needed")] * 3


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
