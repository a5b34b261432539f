"""What a person does from a mail: prove an address, change it, choose a new password."""

from urllib.parse import urlencode

import pytest

from chalicelib import config
from chalicelib.domain.errors import Unavailable
from chalicelib.services import doors
from chalicelib.store.tenants import TenantItem
from tests.functional.api.conftest import PASSWORD
from tests.functional.api.mailbox import form_of, link_in

ADA = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}
NEW = "another horse, another battery"
HOUR_S = 3600


@pytest.fixture
def strict(api, monkeypatch):
    """A deployment that wants addresses proved."""
    monkeypatch.setenv("EMAIL_VERIFICATION", "required")
    config.load.cache_clear()
    return api


def forgotten(api, mailbox, email="ada@example.org"):
    """Ask for a new password and return the parameters of the link that comes."""
    assert api.post("/api/auth/password/forgotten", {"email": email}).status == 202
    return link_in(mailbox.look()[-1])[1]


class TestProvingAnAddress:
    def test_a_registration_sends_a_link_that_a_person_opens_and_confirms(self, strict, mailbox, forge):
        registered = strict.post("/api/auth/register", ADA)
        mail = mailbox.look()[0]
        path, link = link_in(mail)

        shown = strict.page(f"{path}?{urlencode(link)}")
        done = strict.form(path, form_of(shown.body))

        assert registered.body["user"] | {"created_at": ""} == {
            "username": "ada", "email": "ada@example.org", "email_verified": False, "tenant_id": "ada",
            "state": "unverified", "is_operator": False, "created_at": "",
        }  # fmt: skip
        assert (mail.to, mail.subject) == ("ada@example.org", "Confirm your address")
        assert (shown.status, "Yes, confirm" in shown.body) == (200, True)
        assert (done.status, "confirmed" in done.body) == (200, True)
        me = strict.as_(strict.login("ada", PASSWORD).body["access_token"]).get("/api/auth/me").body["user"]
        assert (me["state"], me["email_verified"]) == ("active", True)
        assert [mail.subject for mail in mailbox.look()] == ["Welcome to Crontopus"]
        assert forge.commits("ada")

    def test_before_that_nobody_logs_in_and_nothing_is_on_the_forge(self, strict, flaky_forge):
        strict.post("/api/auth/register", ADA)

        right, wrong = strict.login("ada", PASSWORD), strict.login("ada", "wrong")

        assert (right.status, right.code) == (403, "email_not_verified")
        assert wrong.status == 401
        assert flaky_forge.calls == []

    def test_a_program_that_opens_every_link_proves_nothing(self, strict, mailbox):
        strict.post("/api/auth/register", ADA)
        path, link = link_in(mailbox.look()[0])

        for _ in range(3):
            assert strict.page(f"{path}?{urlencode(link)}").status == 200

        assert strict.login("ada", PASSWORD).status == 403
        assert strict.form(path, link).status == 200

    def test_a_link_works_once(self, strict, mailbox):
        strict.post("/api/auth/register", ADA)
        path, link = link_in(mailbox.look()[0])
        strict.form(path, link)

        again, shown = strict.form(path, link), strict.page(f"{path}?{urlencode(link)}")

        assert (again.status, shown.status) == (403, 403)
        assert "has been used" in again.body

    def test_the_newest_link_wins(self, strict, mailbox):
        strict.post("/api/auth/register", ADA)
        _, first = link_in(mailbox.look()[0])
        strict.post("/api/auth/verification", {"email": "ada@example.org"})
        _, second = link_in(mailbox.look()[0])

        confirm = "/api/auth/verification/confirm"

        assert (strict.post(confirm, first).status, strict.post(confirm, second).status) == (403, 200)

    def test_a_link_lasts_a_day(self, strict, mailbox, time_machine):
        strict.post("/api/auth/register", ADA)
        _, link = link_in(mailbox.look()[0])
        time_machine.shift(24 * HOUR_S + 1)

        answer = strict.post("/api/auth/verification/confirm", link)

        assert (answer.status, answer.code) == (403, "link_dead")

    @pytest.mark.parametrize("change", [{"account": "eve"}, {"account": ""}, {"token": "ctv_" + "0" * 49}, {"token": "x"}])
    def test_a_link_is_for_one_account_and_not_to_be_guessed(self, strict, mailbox, change):
        strict.post("/api/auth/register", ADA)
        _, link = link_in(mailbox.look()[0])

        assert strict.post("/api/auth/verification/confirm", link | change).status == 403
        assert strict.post("/api/auth/verification/confirm", link).status == 200

    def test_a_forge_that_is_down_leaves_the_link_good(self, strict, mailbox, flaky_forge):
        strict.post("/api/auth/register", ADA)
        _, link = link_in(mailbox.look()[0])
        flaky_forge.is_down = True

        first = strict.post("/api/auth/verification/confirm", link)
        flaky_forge.is_down = False

        assert first.status == 503
        assert strict.post("/api/auth/verification/confirm", link).status == 200
        assert strict.login("ada", PASSWORD).status == 200

    def test_a_name_that_nobody_proved_is_free_after_a_week(self, strict, time_machine):
        strict.post("/api/auth/register", ADA)
        other = ADA | {"password": NEW}

        early = strict.post("/api/auth/register", other)
        time_machine.shift(7 * 24 * HOUR_S + 1)

        assert early.status == 409
        assert strict.post("/api/auth/register", other).status == 201

    def test_a_proved_name_stays(self, strict, mailbox, time_machine):
        strict.post("/api/auth/register", ADA)
        strict.post("/api/auth/verification/confirm", link_in(mailbox.look()[0])[1])
        time_machine.shift(8 * 24 * HOUR_S)

        assert strict.post("/api/auth/register", ADA | {"password": NEW}).status == 409
        assert strict.login("ada", PASSWORD).status == 200

    def test_where_it_is_optional_an_account_works_at_once_and_can_be_proved(self, api, ada, mailbox):
        assert ada.get("/api/auth/me").body["user"]["email_verified"] is False

        api.post("/api/auth/verification/confirm", link_in(mailbox.look()[0])[1])

        assert ada.get("/api/auth/me").body["user"]["email_verified"] is True

    def test_a_link_for_an_address_that_is_another_by_now_is_dead(self, api, ada, mailbox):
        _, old = link_in(mailbox.look()[0])
        ada.post("/api/auth/email", {"email": "new@example.org", "password": PASSWORD})
        api.post("/api/auth/email/confirm", link_in(mailbox.look()[0])[1])

        assert api.post("/api/auth/verification/confirm", old).status == 403


class TestAForgottenPassword:
    def test_a_new_one_is_chosen_on_a_page(self, api, ada, mailbox):
        mailbox.look()
        page = api.page("/api/pages/forgotten-password")
        asked = api.form("/api/pages/forgotten-password", form_of(page.body, email="ADA@example.org"))
        path, link = link_in(mailbox.look()[0])

        shown = api.page(f"{path}?{urlencode(link)}")
        weak = api.form(path, form_of(shown.body, new_password="short"))
        done = api.form(path, form_of(weak.body, new_password=NEW))

        assert (asked.status, shown.status, done.status) == (202, 200, 200)
        assert 'autocomplete="new-password"' in shown.body
        assert (api.login("ada", PASSWORD).status, api.login("ada", NEW).status) == (401, 200)
        assert [mail.subject for mail in mailbox.look()] == ["Your password was changed"]

    def test_whether_there_is_such_an_account_shows_nowhere(self, api, ada, mailbox):
        known = api.post("/api/auth/password/forgotten", {"email": "ada@example.org"})
        unknown = api.post("/api/auth/password/forgotten", {"email": "nobody@example.org"})

        assert (known.status, known.body) == (unknown.status, unknown.body)
        assert [mail.to for mail in mailbox.look()] == ["ada@example.org"] * 2
        assert mailbox.words == ["sent", "sent", "nobody"]

    def test_both_cost_the_request_the_same(self, api, ada, calls):
        def cost(email):
            before = len(calls.names)
            api.post("/api/auth/password/forgotten", {"email": email})
            return calls.names[before:]

        assert cost("ada@example.org") == cost("nobody@example.org")

    def test_it_ends_every_session_at_once(self, api, ada, mailbox, time_machine):
        refresh_token = api.login("ada", PASSWORD).body["refresh_token"]
        time_machine.shift(2)

        api.post("/api/auth/password/reset", forgotten(api, mailbox) | {"new_password": NEW})

        assert ada.get("/api/auth/me").status == 401
        assert api.post("/api/auth/refresh", {"refresh_token": refresh_token}).status == 401

    def test_a_link_lasts_half_an_hour(self, api, ada, mailbox, time_machine):
        link = forgotten(api, mailbox)
        time_machine.shift(1801)

        assert api.post("/api/auth/password/reset", link | {"new_password": NEW}).status == 403

    def test_a_weak_password_is_refused_and_leaves_the_link_good(self, api, ada, mailbox):
        link = forgotten(api, mailbox)

        refused = api.post("/api/auth/password/reset", link | {"new_password": "password1234"})
        page = api.form("/api/pages/reset-password", link | {"new_password": "short"})

        assert (refused.status, list(refused.problems)) == (422, ["new_password"])
        assert (page.status, "at least 10 characters" in page.body) == (422, True)
        assert api.post("/api/auth/password/reset", link | {"new_password": NEW}).status == 200

    def test_a_link_sets_one_password(self, api, ada, mailbox):
        link = forgotten(api, mailbox)
        api.post("/api/auth/password/reset", link | {"new_password": NEW})

        assert api.post("/api/auth/password/reset", link | {"new_password": NEW + "!"}).status == 403
        assert api.login("ada", NEW).status == 200

    def test_a_link_for_proving_an_address_sets_no_password(self, api, ada, mailbox):
        _, link = link_in(mailbox.look()[0])

        assert api.post("/api/auth/password/reset", link | {"new_password": NEW}).status == 403

    def test_nobody_fills_a_mailbox(self, api, ada, mailbox, time_machine):
        mailbox.look()
        for _ in range(5):
            api.post("/api/auth/password/forgotten", {"email": "ada@example.org"})

        assert len(mailbox.look()) == 3
        time_machine.shift(HOUR_S)
        assert forgotten(api, mailbox)

    def test_a_mail_server_that_is_away_for_long_loses_no_mail(self, api, ada, mailbox):
        mailbox.look()
        api.post("/api/auth/password/forgotten", {"email": "ada@example.org"})
        mailbox.is_away = True
        for _ in range(5):
            with pytest.raises(Unavailable):
                mailbox.look()

        mailbox.is_away = False
        link = link_in(mailbox.look()[0])[1]

        assert api.post("/api/auth/password/reset", link | {"new_password": NEW}).status == 200

    def test_an_account_that_no_password_opens_gets_none(self, api, ada, mailbox):
        mailbox.look()
        TenantItem("ada").update(actions=[TenantItem.is_sso_only.set(True)])

        api.post("/api/auth/password/forgotten", {"email": "ada@example.org"})

        assert (mailbox.look(), mailbox.words[-1]) == ([], "nobody")

    def test_an_unproved_account_gets_the_link_that_proves_it(self, strict, mailbox):
        strict.post("/api/auth/register", ADA)
        mailbox.look()
        strict.post("/api/auth/password/forgotten", {"email": "ada@example.org"})

        assert [mail.subject for mail in mailbox.look()] == ["Confirm your address"]

    def test_a_host_header_does_not_choose_where_links_lead(self, api, ada, mailbox):
        mailbox.look()
        api.post("/api/auth/password/forgotten", {"email": "ada@example.org"}, Host="evil.example.org")
        mail = mailbox.look()[0]

        assert "evil" not in mail.text + mail.html
        assert f"{config.load().public_url}/api/pages/reset-password?" in mail.text

    def test_a_dead_queue_does_not_break_the_request(self, api, ada, monkeypatch):
        monkeypatch.setenv("MAIL_QUEUE", "https://sqs.eu-central-1.amazonaws.com/123456789012/gone")
        config.load.cache_clear()
        doors.mail_queue.cache_clear()

        assert api.post("/api/auth/password/forgotten", {"email": "ada@example.org"}).status == 202
        assert ada.post("/api/auth/password", {"current_password": PASSWORD, "new_password": NEW}).status == 200

    def test_a_changed_password_is_told(self, ada, mailbox):
        mailbox.look()

        ada.post("/api/auth/password", {"current_password": PASSWORD, "new_password": NEW})

        assert [mail.subject for mail in mailbox.look()] == ["Your password was changed"]


class TestAnotherAddress:
    def test_it_replaces_the_one_before_once_it_is_proved(self, api, ada, mailbox):
        mailbox.look()
        asked = ada.post("/api/auth/email", {"email": "new@example.org", "password": PASSWORD})
        mail = mailbox.look()[0]
        path, link = link_in(mail)
        unchanged = ada.get("/api/auth/me").body["user"]["email"]

        shown = api.page(f"{path}?{urlencode(link)}")
        done = api.form(path, form_of(shown.body))

        assert (asked.status, mail.to, unchanged) == (202, "new@example.org", "ada@example.org")
        assert (shown.status, done.status) == (200, 200)
        me = ada.get("/api/auth/me").body["user"]
        assert (me["email"], me["email_verified"]) == ("new@example.org", True)
        told = mailbox.look()[0]
        assert (told.to, told.subject) == ("ada@example.org", "The address of your account was changed")
        assert "n…@example.org" in told.text

    def test_the_one_before_is_free_again_and_the_new_one_taken(self, api, ada, mailbox):
        mailbox.look()
        ada.post("/api/auth/email", {"email": "new@example.org", "password": PASSWORD})
        api.post("/api/auth/email/confirm", link_in(mailbox.look()[0])[1])

        taken = api.post("/api/auth/register", ADA | {"username": "bea", "email": "new@example.org"})
        free = api.post("/api/auth/register", ADA | {"username": "bea"})

        assert (taken.status, list(taken.problems)) == (409, ["email"])
        assert free.status == 201

    def test_it_takes_the_password(self, ada, mailbox):
        answer = ada.post("/api/auth/email", {"email": "new@example.org", "password": "wrong"})

        assert (answer.status, list(answer.problems)) == (422, ["password"])

    def test_another_account_s_address_is_refused(self, ada, eve):
        answer = ada.post("/api/auth/email", {"email": "EVE@example.org", "password": PASSWORD})

        assert (answer.status, list(answer.problems)) == (409, ["email"])

    def test_an_address_that_is_taken_meanwhile_is_refused(self, api, ada, mailbox):
        mailbox.look()
        ada.post("/api/auth/email", {"email": "new@example.org", "password": PASSWORD})
        link = link_in(mailbox.look()[0])[1]
        api.post("/api/auth/register", ADA | {"username": "bea", "email": "new@example.org"})

        assert api.post("/api/auth/email/confirm", link).status == 409
        assert ada.get("/api/auth/me").body["user"]["email"] == "ada@example.org"

    def test_the_same_address_in_other_letters_is_allowed(self, api, ada, mailbox):
        mailbox.look()
        ada.post("/api/auth/email", {"email": "Ada@Example.org", "password": PASSWORD})

        assert api.post("/api/auth/email/confirm", link_in(mailbox.look()[0])[1]).status == 200
        assert ada.get("/api/auth/me").body["user"]["email"] == "Ada@Example.org"
