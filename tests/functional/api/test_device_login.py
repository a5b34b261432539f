"""Device login: the program asks, the person decides elsewhere."""

import re
from urllib.parse import urlencode

import pytest

from chalicelib.domain.device import GRANT_TYPE
from chalicelib.services import doors
from chalicelib.store.tokens import TokenItem
from tests.functional.api.conftest import PASSWORD

FORM = "application/x-www-form-urlencoded"


def send_form(api, path, **fields):
    return api.call("POST", path, raw=urlencode(fields).encode(), Content_Type=FORM)


@pytest.fixture
def started(api):
    return api.post("/api/auth/device", {"client_id": "crontopus-cli", "client_name": "crontopus on laptop"}).body


def poll(api, started, path="/api/auth/device/token", **more):
    return send_form(api, path, grant_type=GRANT_TYPE, device_code=started["device_code"], **more)


def decide(person, started, approve=True):
    return person.post("/api/auth/device/approve", {"user_code": started["user_code"], "approve": approve})


def test_a_program_gets_two_codes_and_where_to_go(started):
    page = "http://127.0.0.1:9/api/pages/device"

    assert re.fullmatch(r"[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}", started["user_code"])
    assert (started["expires_in"], started["interval"]) == (600, 5)
    assert started["verification_uri"] == page
    assert started["verification_uri_complete"] == f"{page}?user_code={started['user_code']}"


def test_it_may_ask_with_a_form_as_oauth_clients_do(api):
    assert send_form(api, "/api/auth/device", client_id="x", scope="openid").body["user_code"]


def test_an_approved_program_gets_a_session_that_is_told_apart(api, ada, started):
    assert decide(ada, started).body["login"]["client"] == "crontopus on laptop"

    session = poll(api, started).body

    assert api.as_(session["access_token"]).get("/api/auth/me").body["user"]["username"] == "ada"
    assert api.post("/api/auth/refresh", {"refresh_token": session["refresh_token"]}).status == 200
    assert "crontopus on laptop" in [one["client"] for one in ada.get("/api/auth/sessions").body["sessions"]]


def test_a_code_is_exchanged_once(api, ada, started):
    decide(ada, started)

    assert [poll(api, started).status for _ in range(2)] == [200, 400]
    assert poll(api, started).code == "invalid_grant"


def test_a_program_waits_until_somebody_decides(api, ada, started):
    answer = poll(api, started)

    assert (answer.status, answer.code) == (400, "authorization_pending")


def test_a_program_that_asks_too_often_has_to_slow_down_by_five_seconds_each_time(api, started, time_machine):
    codes = [poll(api, started).code, poll(api, started).code]
    time_machine.shift(7)
    codes.append(poll(api, started).code)
    time_machine.shift(16)
    codes.append(poll(api, started).code)

    assert codes == ["authorization_pending", "slow_down", "slow_down", "authorization_pending"]


def test_a_refused_program_is_told(api, ada, started):
    assert decide(ada, started, approve=False).body["login"]["state"] == "denied"

    assert poll(api, started).code == "access_denied"


def test_a_code_lives_for_ten_minutes(api, ada, started, time_machine):
    time_machine.shift(601)

    assert poll(api, started).code == "expired_token"


def test_an_expired_code_cannot_be_approved(api, started, time_machine):
    time_machine.shift(601)
    api.post("/api/auth/register", {"username": "ada", "email": "ada@example.org", "password": PASSWORD})
    ada = api.as_(api.login("ada", PASSWORD).body["access_token"])

    assert decide(ada, started).status == 404


def test_an_approval_is_worth_nothing_after_the_code_has_expired(api, ada, started, time_machine):
    decide(ada, started)
    time_machine.shift(601)

    assert poll(api, started).code == "expired_token"


@pytest.mark.parametrize("device_code", ["", "nonsense", "ctd_" + "0" * 49])
def test_an_unknown_code_is_no_grant(api, tables, device_code):
    assert poll(api, {"device_code": device_code}).code == "invalid_grant"


def test_another_program_cannot_exchange_the_code(api, ada, started):
    decide(ada, started)

    assert poll(api, started, client_id="another").code == "invalid_grant"
    assert poll(api, started, client_id="crontopus-cli").status == 200


def test_the_first_decision_stands(api, ada, eve, started):
    decide(ada, started, approve=False)

    assert decide(eve, started).status == 404
    assert poll(api, started).code == "access_denied"


def test_who_decides_sees_the_program_and_its_address_first(ada, started):
    shown = ada.get(f"/api/auth/device?user_code={started['user_code'].lower()}").body["login"]

    assert (shown["client"], shown["address"], shown["state"]) == ("crontopus on laptop", "127.0.0.1", "pending")


@pytest.mark.parametrize(("code", "status"), [("BCDF-GHJK", 404), ("nonsense", 422)])
def test_a_wrong_user_code_is_told_apart_from_a_mistyped_one(ada, code, status):
    assert ada.post("/api/auth/device/approve", {"user_code": code, "approve": True}).status == status


def test_an_api_token_lets_nobody_in(api, ada, started):
    token = api.as_(ada.post("/api/tokens", {"name": "all", "scopes": ["admin:*"]}).body["plain_text"])

    answers = [decide(token, started), token.get(f"/api/auth/device?user_code={started['user_code']}")]

    assert [(answer.status, answer.code) for answer in answers] == [(403, "session_needed")] * 2
    assert poll(api, started).code == "authorization_pending"


def test_user_codes_are_not_guessed(ada, monkeypatch):
    from chalicelib.services import rate_limits

    monkeypatch.setenv("RATE_LIMIT_FACTOR", "1")
    rate_limits.limiter.cache_clear()

    statuses = [ada.post("/api/auth/device/approve", {"user_code": "BCDF-GHJK", "approve": True}).status for _ in range(6)]

    assert statuses == [404] * 5 + [429]


def test_neither_code_is_stored(api, started, tables):
    everything = " ".join(str(item.attribute_values) for item in TokenItem.scan())

    assert started["device_code"] not in everything
    assert started["user_code"] not in everything
    assert started["user_code"].replace("-", "") not in everything


def test_a_new_signing_key_forgets_no_code(api, ada, started, monkeypatch):
    secret = doors.vault().secret()
    monkeypatch.setattr(secret.__class__, "jwt_keys", {**secret.jwt_keys, "newer": bytes(range(32))}, raising=False)

    assert decide(ada, started).status == 200


@pytest.mark.parametrize("name", ["", "x" * 101, "two\nlines", "right\u202eleft"])
def test_a_program_cannot_call_itself_just_anything(api, tables, name):
    assert list(api.post("/api/auth/device", {"client_id": name}).problems) == ["client_id"]


class TestOAuth:
    """The same for clients that know RFC 6749 and nothing of us."""

    def test_an_error_is_a_word_at_the_top(self, api, started):
        answer = poll(api, started, "/api/oauth/token")

        assert (answer.status, answer.body["error"]) == (400, "authorization_pending")
        assert "ask again" in answer.body["error_description"]

    @pytest.mark.parametrize("fields", [{}, {"grant_type": "password", "device_code": "x"}, {"grant_type": GRANT_TYPE}])
    def test_a_request_that_breaks_a_rule_is_one_word_too(self, api, tables, fields):
        answer = send_form(api, "/api/oauth/token", **fields)

        assert (answer.status, answer.body["error"]) == (400, "invalid_request")

    def test_an_approved_program_gets_its_tokens(self, api, ada, started):
        decide(ada, started)

        assert poll(api, started, "/api/oauth/token").body["token_type"] == "bearer"


class TestPage:
    """For people without the console."""

    def sign_in(self, api, started, username="ada", password=PASSWORD):
        fields = {"user_code": started["user_code"], "username": username, "password": password}
        return api.form("/api/pages/device", fields)

    def ticket(self, page):
        return re.search(r'name="ticket" value="([^"]+)"', page.body).group(1)

    def test_opening_it_only_shows_it(self, api, started):
        shown = api.page(f"/api/pages/device?user_code={started['user_code']}")

        assert shown.status == 200
        assert f'value="{started["user_code"]}"' in shown.body
        assert poll(api, started).code == "authorization_pending"

    def test_signing_in_shows_program_and_address_and_lets_nobody_in_yet(self, api, ada, started):
        shown = self.sign_in(api, started)

        assert shown.status == 200
        assert "crontopus on laptop" in shown.body and "127.0.0.1" in shown.body
        assert poll(api, started).code == "authorization_pending"

    @pytest.mark.parametrize(("decision", "status", "code"), [("approve", 200, None), ("deny", 400, "access_denied")])
    def test_the_decision_counts(self, api, ada, started, decision, status, code):
        done = api.form("/api/pages/device/confirm", {"ticket": self.ticket(self.sign_in(api, started)), "decision": decision})

        answer = poll(api, started)
        assert (done.status, answer.status) == (200, status)
        assert code is None or answer.code == code

    def test_a_decision_is_made_once(self, api, ada, started):
        ticket = self.ticket(self.sign_in(api, started))
        api.form("/api/pages/device/confirm", {"ticket": ticket, "decision": "approve"})

        assert api.form("/api/pages/device/confirm", {"ticket": ticket, "decision": "deny"}).status == 404

    def test_a_wrong_password_says_the_same_with_a_right_and_a_wrong_code(self, api, ada, started):
        right, wrong = self.sign_in(api, started, password="no"), self.sign_in(api, {"user_code": "BCDF-GHJK"}, password="no")

        assert [right.status, wrong.status] == [401, 401]
        assert "username or password is wrong" in right.body and "username or password is wrong" in wrong.body

    def test_a_wrong_code_is_told_after_the_login(self, api, ada):
        shown = self.sign_in(api, {"user_code": "BCDF-GHJK"})

        assert shown.status == 422
        assert "no login waits" in shown.body

    def test_another_note_is_no_ticket(self, api, ada, started):
        for forged in (ada.token, "x.y.z", ""):
            answer = api.form("/api/pages/device/confirm", {"ticket": forged, "decision": "approve"})
            assert answer.status == 403

    def test_a_ticket_is_no_access_token(self, api, ada, started):
        assert api.as_(self.ticket(self.sign_in(api, started))).get("/api/auth/me").status == 401

    def test_names_cannot_smuggle_markup_in(self, api, ada):
        started = api.post("/api/auth/device", {"client_id": "<b>bold</b>"}).body

        assert "<b>bold" not in self.sign_in(api, started).body
