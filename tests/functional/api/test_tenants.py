"""Accounts: one's own settings, and what operators do with all of them."""

import pytest

from infra import operators
from tests.functional.api.conftest import FACTS, PASSWORD, beat, report, tenant
from tests.functional.api.mailbox import link_in


@pytest.fixture
def olga(api):
    """An operator, logged in."""
    tenant(api, "olga")
    assert operators.main(["add", "olga"]) == 0
    return api.as_(api.login("olga", PASSWORD).body["access_token"])


def suspend(olga, name: str = "ada"):
    return olga.post(f"/api/tenants/{name}/suspend", {"reason": "bill unpaid"})


def activate(olga, name: str = "ada"):
    return olga.post(f"/api/tenants/{name}/activate")


class TestOnesOwn:
    def test_it_shows_settings_limits_and_what_was_used(self, ada, agent):
        own = ada.get("/api/tenants/me").body

        assert own["tenant"]["id"] == "ada"
        assert (own["tenant"]["name"], own["tenant"]["retention_days"]) == (None, 90)
        assert own["usage"]["endpoints"] == 1
        assert own["limits"]["api_tokens"] == 50
        assert {"name": "login", "times": 500, "window_s": 60, "per": "address"} in own["limits"]["rate_limits"]

    def test_name_and_retention_are_changed(self, ada):
        changed = ada.call("PATCH", "/api/tenants/me", {"name": "Ada Lovelace", "retention_days": 400})

        assert (changed.status, changed.body["tenant"]["name"]) == (200, "Ada Lovelace")
        assert ada.get("/api/tenants/me").body["tenant"]["retention_days"] == 400

    def test_a_name_can_be_taken_back_and_the_rest_stays(self, ada):
        ada.call("PATCH", "/api/tenants/me", {"name": "Ada", "retention_days": 30})
        ada.call("PATCH", "/api/tenants/me", {"name": ""})

        own = ada.get("/api/tenants/me").body["tenant"]
        assert (own["name"], own["retention_days"]) == (None, 30)

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"retention_days": 6}, "retention_days"),
            ({"retention_days": 401}, "retention_days"),
            ({"retention_days": "90"}, "retention_days"),
            ({"name": "a\x00b"}, "name"),
            ({"state": "active"}, "state"),
            ({"is_operator": True}, "is_operator"),
            ({}, "name"),
        ],
    )
    def test_what_breaks_a_rule_is_named(self, ada, body, field):
        answer = ada.call("PATCH", "/api/tenants/me", body)

        assert (answer.status, list(answer.problems)) == (422, [field])

    def test_a_month_is_a_month(self, ada):
        assert ada.get("/api/tenants/me?month=2026-10").body["usage"]["month"] == "2026-10"
        assert list(ada.get("/api/tenants/me?month=2026-13").problems) == ["month"]


class TestOperators:
    def test_nobody_else_may_see_or_stop_accounts(self, api, ada, eve):
        for answer in (eve.get("/api/tenants"), eve.get("/api/tenants/ada"), suspend(eve)):
            assert (answer.status, answer.code) == (403, "operators_only")
        assert api.get("/api/tenants").status == 401
        assert ada.get("/api/auth/me").status == 200

    def test_a_former_operator_is_none_at_the_next_request(self, olga):
        assert olga.get("/api/tenants").status == 200

        operators.main(["remove", "olga"])

        assert olga.get("/api/tenants").status == 403

    def test_an_operator_s_token_needs_the_widest_scope(self, api, olga):
        wide, narrow = (
            api.as_(olga.post("/api/tokens", {"name": "x", "scopes": [scope]}).body["plain_text"])
            for scope in ("admin:*", "admin:tenant")
        )

        assert (wide.get("/api/tenants").status, narrow.get("/api/tenants").status) == (200, 403)

    def test_only_a_known_user_becomes_one(self, tables, capsys):
        assert operators.main(["add", "nobody"]) == 1
        assert "no tenant 'nobody'" in capsys.readouterr().err

    def test_operators_are_listed_on_the_command_line(self, olga, eve, capsys):
        capsys.readouterr()
        operators.main(["list"])

        assert capsys.readouterr().out == "olga (active)\n"

    def test_accounts_are_listed_by_state_and_name_in_pages(self, olga, ada, eve, calls):
        suspend(olga, "eve")
        calls.names.clear()

        first = olga.get("/api/tenants?limit=2").body
        assert calls.count("Scan") == 0
        rest = olga.get(f"/api/tenants?limit=2&next={first['next']}").body

        assert [one["id"] for one in first["tenants"] + rest["tenants"]] == ["ada", "olga", "eve"]
        assert rest["next"] is None
        assert "password" not in str(first)
        assert [one["id"] for one in olga.get("/api/tenants?state=suspended").body["tenants"]] == ["eve"]

    @pytest.mark.parametrize("cursor", ["x", "active:", "gone:ada", "suspended:ada"])
    def test_a_cursor_is_from_a_page_of_that_list(self, olga, cursor):
        assert list(olga.get(f"/api/tenants?state=active&next={cursor}").problems) == ["next"]

    def test_one_account_is_shown_or_not_there(self, olga, ada):
        assert olga.get("/api/tenants/ada").body["tenant"]["email"] == "ada@example.org"
        assert olga.get("/api/tenants/nobody").status == 404
        assert olga.post("/api/tenants/nobody/activate").status == 404


class TestASuspendedAccount:
    def test_everything_stops_at_the_next_request(self, api, olga, ada, agent):
        session = api.login("ada", PASSWORD).body
        key = api.as_(ada.post("/api/tokens", {"name": "ci", "scopes": ["admin:*"]}).body["plain_text"])
        cet = ada.post("/api/enrollment-tokens", {"name": "x"}).body["token"]

        suspended = suspend(olga)

        assert (suspended.status, suspended.body["tenant"]["state"]) == (200, "suspended")
        assert suspended.body["tenant"]["suspended_because"] == "bill unpaid"
        for answer in (
            ada.get("/api/auth/me"),
            key.get("/api/jobs"),
            beat(api, agent),
            api.as_(agent["token"]).post("/api/runs/check-in", report(agent)),
            api.as_(cet).post("/api/endpoints/enroll", FACTS),
            api.login("ada", PASSWORD),
        ):
            assert (answer.status, answer.code) == (403, "account_suspended")
        assert api.post("/api/auth/refresh", {"refresh_token": session["refresh_token"]}).status == 401
        assert api.login("ada", "wrong").status == 401

    def test_its_ping_key_names_no_check(self, api, olga, ada):
        ada.post("/api/jobs", {"name": "cron", "checkin_by": "ping", "period": "1h", "grace": "1h"})
        path = "/ping/" + ada.post("/api/ping-keys", {"name": "cron"}).body["plain_text"] + "/cron"
        before = api.call("POST", path).status
        suspend(olga)

        assert (before, api.call("POST", path).status) == (200, 404)

    def test_a_check_in_costs_no_more_reads_for_that(self, api, olga, ada, agent, calls):
        calls.names.clear()
        api.as_(agent["token"]).post("/api/runs/check-in", report(agent))
        allowed = list(calls.names)
        suspend(olga)
        calls.names.clear()

        api.as_(agent["token"]).post("/api/runs/check-in", report(agent, 2))

        assert (allowed, calls.names) == (["GetItem", "PutItem"], ["GetItem"])

    def test_it_goes_on_where_it_was(self, api, olga, ada, agent):
        key = api.as_(ada.post("/api/tokens", {"name": "ci", "scopes": ["admin:*"]}).body["plain_text"])
        refresh_token = api.login("ada", PASSWORD).body["refresh_token"]
        suspend(olga)

        activated = activate(olga)

        assert (activated.status, activated.body["tenant"]["state"]) == (200, "active")
        assert activated.body["tenant"]["suspended_because"] is None
        assert key.get("/api/jobs").status == 200
        assert beat(api, agent).status == 200
        assert api.post("/api/auth/refresh", {"refresh_token": refresh_token}).status == 401
        assert api.login("ada", PASSWORD).status == 200

    def test_twice_is_as_once(self, api, olga, ada):
        suspend(olga)

        assert suspend(olga).status == 200
        assert (activate(olga).status, activate(olga).status) == (200, 200)

    def test_it_gets_no_mail_and_its_links_are_dead(self, api, olga, ada, mailbox):
        mailbox.look()
        api.post("/api/auth/password/forgotten", {"email": "ada@example.org"})
        link = link_in(mailbox.look()[0])[1]
        suspend(olga)

        api.post("/api/auth/password/forgotten", {"email": "ada@example.org"})

        assert mailbox.look() == []
        assert api.post("/api/auth/password/reset", link | {"new_password": "another horse, another battery"}).status == 403

    def test_an_account_that_was_not_finished_is_not_finished_afterwards(self, api, olga, flaky_forge):
        body = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}
        flaky_forge.fail_call(0)
        api.post("/api/auth/register", body)
        flaky_forge.heal()
        suspend(olga)

        assert activate(olga).body["tenant"]["state"] == "registering"
        assert api.post("/api/auth/register", body).status == 201

    def test_nobody_suspends_themselves(self, olga):
        assert suspend(olga, "olga").status == 409

    def test_others_do_not_notice(self, api, olga, ada, eve):
        suspend(olga)

        assert eve.get("/api/jobs").status == 200
