"""Blocked addresses and waits after failed logins, over HTTP, with the real numbers."""

from datetime import UTC, datetime

import pytest
from chalice.local import LambdaEventConverter

from chalicelib.domain.blocks import VIOLATIONS
from chalicelib.services import blocks, rate_limits, usage
from infra import operators
from tests.functional.api.conftest import PASSWORD, beat, report, tenant
from tests.functional.api.mailbox import link_in

HOUR = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)
HERE, ELSEWHERE = "203.0.113.9", "198.51.100.1"
NEW = "another horse, another battery"


@pytest.fixture
def strict(api, time_machine, monkeypatch):
    """Go on as a deployment does, with requests from HERE. Ask for it after what the test only needs to stand."""

    def start() -> None:
        monkeypatch.setenv("RATE_LIMIT_FACTOR", "1")
        monkeypatch.setenv("TRUSTED_NETWORKS", "192.0.2.0/24")
        forget_warm_memory()
        time_machine.move_to(HOUR, tick=False)
        from_address(HERE)

    def from_address(address: str) -> None:
        monkeypatch.setattr(LambdaEventConverter, "LOCAL_SOURCE_IP", address)

    start.from_address = from_address
    return start


def forget_warm_memory() -> None:
    """Go on as another function that has just started."""
    rate_limits.limiter.cache_clear()
    blocks.gate.cache_clear()


@pytest.fixture
def olga(api):
    tenant(api, "olga")
    operators.main(["add", "olga"])
    token = api.as_(api.login("olga", PASSWORD).body["access_token"])
    return api.as_(token.post("/api/tokens", {"name": "ops", "scopes": ["admin:*"]}).body["plain_text"])


def misbehave(api, times: int = VIOLATIONS.times + 1) -> None:
    for _ in range(times):
        assert api.as_("cte_guess").get("/api/jobs").status == 401


class TestAnAddressThatIsRefusedAllTheTime:
    def test_is_blocked_for_an_hour_whatever_it_asks(self, api, ada, strict, time_machine):
        strict()
        misbehave(api)

        answer = ada.get("/api/jobs")

        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (429, "address_blocked", "3600")
        assert api.login("ada", PASSWORD).code == "address_blocked"
        assert api.get("/health").status == 200
        time_machine.shift(3601)
        assert ada.as_(api.login("ada", PASSWORD).body["access_token"]).get("/api/jobs").status == 200

    def test_is_blocked_by_other_functions_too(self, api, ada, strict):
        strict()
        misbehave(api)
        forget_warm_memory()

        assert ada.get("/api/jobs").code == "address_blocked"

    def test_costs_nothing_while_it_is_blocked(self, api, ada, strict, calls):
        strict()
        misbehave(api)
        calls.names.clear()

        for _ in range(10):
            ada.get("/api/jobs")

        assert calls.names == []

    def test_does_not_block_another_address(self, api, ada, strict):
        strict()
        misbehave(api)
        strict.from_address(ELSEWHERE)

        assert ada.get("/api/jobs").status == 200

    def test_one_request_less_is_not_enough(self, api, ada, strict):
        strict()
        misbehave(api, VIOLATIONS.times)

        assert ada.get("/api/jobs").status == 200

    def test_a_limit_that_is_ignored_counts_too(self, ada, strict):
        strict()

        codes = [ada.get("/api/endpoints").status for _ in range(60 + VIOLATIONS.times + 2)]

        assert codes[:60] == [200] * 60
        assert ada.get("/api/endpoints").code == "address_blocked"

    def test_an_expired_session_counts_nothing(self, ada, strict, time_machine):
        strict()
        time_machine.shift(24 * 3600)

        answers = {ada.get("/api/jobs").code for _ in range(VIOLATIONS.times + 5)}

        assert answers == {"token_expired"}

    def test_is_not_blocked_if_it_is_trusted(self, api, ada, strict):
        strict()
        strict.from_address("192.0.2.77")
        misbehave(api)

        assert ada.get("/api/jobs").status == 200

    def test_a_refusal_costs_one_read_and_now_and_then_a_write(self, api, strict, calls):
        strict()
        misbehave(api, 1)
        calls.names.clear()

        misbehave(api, 100)

        assert calls.writes == 5


class TestOperators:
    def test_they_see_and_lift_blocks(self, api, ada, olga, strict):
        strict()
        misbehave(api)
        strict.from_address(ELSEWHERE)

        (shown,) = olga.get("/api/blocks").body["blocks"]
        lifted = olga.delete(f"/api/blocks/{shown['id']}")
        forget_warm_memory()
        strict.from_address(HERE)

        assert (shown["address"], shown["times_in_a_row"]) == (HERE, 1)
        assert lifted.status == 200
        misbehave(api, 30)
        assert ada.get("/api/jobs").status == 200
        strict.from_address(ELSEWHERE)
        assert olga.get("/api/blocks").body["blocks"] == []
        assert olga.delete(f"/api/blocks/{shown['id']}").status == 404

    def test_they_block_by_hand(self, ada, olga, strict):
        strict()
        strict.from_address(ELSEWHERE)

        made = olga.post("/api/blocks", {"address": HERE, "hours": None, "reason": "scans us"})
        strict.from_address(HERE)
        forget_warm_memory()

        assert (made.status, made.body["block"]["until"]) == (201, None)
        assert ada.get("/api/jobs").headers["Retry-After"] == "86400"

    @pytest.mark.parametrize("address", ["x", "192.0.2.0/24", ""])
    def test_a_block_is_for_an_address(self, olga, address):
        answer = olga.post("/api/blocks", {"address": address, "hours": 1, "reason": "x"})

        assert (answer.status, list(answer.problems)) == (422, ["address"])

    def test_an_ipv6_address_stands_for_its_network(self, olga):
        made = olga.post("/api/blocks", {"address": "2001:db8:1:2:3::4", "hours": 1, "reason": "x"})

        assert made.body["block"]["address"] == "2001:db8:1:2::/64"

    def test_they_trust_networks(self, api, ada, olga, strict):
        strict()
        strict.from_address(ELSEWHERE)
        trusted = olga.post("/api/trusted-networks", {"network": "203.0.113.0/24", "reason": "our CI"}).body["trusted_network"]
        listed = olga.get("/api/trusted-networks").body["trusted_networks"]
        forget_warm_memory()
        strict.from_address(HERE)

        misbehave(api)

        assert listed == [trusted]
        assert ada.get("/api/jobs").status == 200
        assert olga.delete(f"/api/trusted-networks/{trusted['id']}").status == 200
        assert olga.delete(f"/api/trusted-networks/{trusted['id']}").status == 404

    def test_a_network_is_a_network(self, olga):
        assert list(olga.post("/api/trusted-networks", {"network": "all", "reason": "x"}).problems) == ["network"]


class TestFailedLogins:
    """The limit for an address, five a minute, is kept by moving on a minute."""

    @pytest.fixture
    def fail(self, api, strict, time_machine):
        def fail(times: int) -> None:
            for number in range(times):
                if number:
                    time_machine.shift(31)
                assert api.login("ada", "wrong").status == 401

        return fail

    def test_the_sixth_try_waits_and_every_further_one_twice_as_long(self, api, ada, strict, time_machine, fail):
        strict()
        fail(5)
        waits = []
        for _ in range(6):
            time_machine.shift(1)
            answer = api.login("ada", "wrong")
            assert (answer.status, answer.code) == (429, "login_delayed")
            waits.append(int(answer.headers["Retry-After"]))
            time_machine.shift(waits[-1])
            assert api.login("ada", "wrong").status == 401

        assert waits == [29, 59, 119, 239, 479, 899]

    def test_the_right_password_waits_too_and_ends_the_waiting(self, api, ada, strict, time_machine, fail):
        strict()
        fail(5)

        early = api.login("ada", PASSWORD)
        time_machine.shift(30)

        assert early.status == 429
        assert api.login("ada", PASSWORD).status == 200
        fail(5)

    def test_a_name_that_nobody_has_waits_the_same(self, api, strict, time_machine):
        strict()
        for _ in range(5):
            assert api.login("nobody", "wrong").status == 401
            time_machine.shift(20)

        answer = api.login("nobody", "wrong")

        assert (answer.status, answer.code) == (429, "login_delayed")

    def test_its_owner_is_not_locked_out_where_they_logged_in_before(self, api, ada, strict, fail):
        strict()
        fail(5)
        strict.from_address("127.0.0.1")

        assert api.login("ada", PASSWORD).status == 200

    def test_others_are_not_locked_out(self, api, ada, eve, strict, fail, time_machine):
        strict()
        fail(5)
        time_machine.shift(61)

        assert api.login("eve", PASSWORD).status == 200

    def test_an_address_that_tries_many_accounts_waits_whatever_the_account(self, api, strict, time_machine):
        strict()
        for number in range(20):
            assert api.login(f"nobody{number}", "wrong").status == 401
            time_machine.shift(13)

        assert api.login("nobody20", "wrong").code == "login_delayed"

    def test_an_hour_without_a_failure_forgets_them_all(self, api, ada, strict, time_machine, fail):
        strict()
        fail(5)
        time_machine.shift(3600)

        fail(5)

    def test_a_new_password_by_mail_lets_in_at_once(self, api, ada, strict, time_machine, mailbox, fail):
        mailbox.look()
        strict()
        fail(5)
        time_machine.shift(61)
        assert api.login("ada", "wrong").status == 401
        api.post("/api/auth/password/forgotten", {"email": "ada@example.org"})
        link = link_in(mailbox.look()[0])[1]
        time_machine.shift(1)
        assert api.login("ada", "wrong").status == 429

        api.post("/api/auth/password/reset", link | {"new_password": NEW})

        assert api.login("ada", NEW).status == 200

    def test_many_tries_at_once_are_as_many_tries(self, ada, strict):
        from concurrent.futures import ThreadPoolExecutor

        from chalicelib.domain.errors import TooManyRequests
        from chalicelib.services.login_delays import Guard

        strict()

        def guess(_: int) -> bool:
            try:
                Guard("ada", HERE, 1).begin(HOUR)
            except TooManyRequests:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(guess, range(40))) <= 5


class TestUsage:
    def test_it_is_counted_for_whoever_asked(self, api, ada, agent, time_machine):
        api.as_(agent["token"]).post("/api/runs/check-in", report(agent, output="12345"))
        api.as_(agent["token"]).post("/api/runs/check-in", report(agent, output="12345"))
        beat(api, agent)
        time_machine.shift(301)
        ada.as_(api.login("ada", PASSWORD).body["access_token"]).get("/api/tenants/me")

        used = ada.as_(api.login("ada", PASSWORD).body["access_token"]).get("/api/tenants/me").body["usage"]

        # Enrolment, two check-ins, a heartbeat and the look that wrote it all down.
        assert used == {"month": used["month"], "calls": 5, "check_ins": 1, "stored_bytes": 5, "endpoints": 1}

    def test_a_ping_counts_for_whoever_has_the_check(self, api, ada, time_machine):
        check = {"name": "cron", "checkin_by": "ping", "period": "1h", "grace": "1h"}
        path = "/ping/" + ada.post("/api/jobs", check).body["job"]["ping_url"].rpartition("/ping/")[2]
        usage.meter.cache_clear()
        assert api.call("POST", path, raw=b"12345").status == 200
        time_machine.shift(301)
        api.call("POST", path, raw=b"12345")

        used = ada.as_(api.login("ada", PASSWORD).body["access_token"]).get("/api/tenants/me").body["usage"]

        assert (used["calls"], used["check_ins"], used["stored_bytes"]) == (2, 2, 10)

    def test_a_request_writes_none_of_it_by_itself(self, api, agent, calls):
        usage.meter.cache_clear()
        calls.names.clear()

        for number in range(1, 30):
            api.as_(agent["token"]).post("/api/runs/check-in", report(agent, number))

        assert calls.names == ["GetItem", "PutItem"] * 29
