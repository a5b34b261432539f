"""Single sign-on: what comes back in the wrong place, at the wrong time, or twice, and the session at the end."""

from chalicelib.services import doors
from chalicelib.store.tokens import TokenItem
from tests.fixtures import identity_providers as providers
from tests.functional.api.sso.world import ADA, MARKS, Browser, code_of, query_of

pytestmark = MARKS


class TestTheWayBack:
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

    def test_a_state_that_is_not_ours_does_not_fit(self, known):
        token = known.session(known.log_in(ADA)).body["access_token"]
        returned = providers.log_in(known.start(), ADA)

        for state in ("", "x", "a.b.c", token):
            assert known.back(returned | {"state": state}).status == 403

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

    def test_an_unknown_code_is_refused(self, browser):
        browser.start()

        for code in ("", "cth_" + "0" * 49, "ctr_" + "0" * 49):
            assert browser.call("POST", "/api/auth/sso/exchange", {"code": code}).status == 401

    def test_neither_code_nor_cookie_is_stored(self, known):
        code = code_of(known.log_in(ADA))
        everything = " ".join(str(item.attribute_values) for item in TokenItem.scan())

        assert code not in everything
        assert known.cookies["crontopus-browser"] not in everything


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
