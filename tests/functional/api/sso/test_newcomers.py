"""Single sign-on: the way to the provider, and whose account it is on the way back."""

from datetime import UTC, datetime
from urllib.parse import urlencode

from chalicelib.services import doors
from chalicelib.store import tenants as tenant_store
from tests.functional.api.conftest import PASSWORD
from tests.functional.api.sso.world import ADA, CALLBACK, MARKS, Browser, query_of

pytestmark = MARKS


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

    def test_it_leads_to_no_other_site(self, sso):
        for target in ("//evil.example", "https://evil.example", "/\\evil.example", "jobs"):
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
        # The last one is what unknown users' passwords are compared with, so that they take as long.
        for password in ("", "x", PASSWORD, "a password that nobody has"):
            answers = [known.api.login(name, password) for name in ("ada", "nobody")]
            assert answers[0].status in (401, 422)
            assert answers[0].body["error"]["message"] == answers[1].body["error"]["message"]

    def test_a_name_that_will_not_do_is_asked_for_again(self, browser, sso):
        sso.post("/api/auth/register", {"username": "taken", "email": "t@example.org", "password": PASSWORD})
        browser.log_in(ADA)

        again = [browser.finish(username=name) for name in ("", "Ada L", "admin", "taken")]

        assert [(answer.status, 'role="alert"' in answer.text) for answer in again] == [(422, True)] * 4
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
