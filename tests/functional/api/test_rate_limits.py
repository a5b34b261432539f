"""How often one may call, over HTTP, with the real numbers and a clock that stands at the beginning of an hour."""

from datetime import UTC, datetime

import pytest
from chalice.local import LambdaEventConverter

from chalicelib.api.rate_limits import READS, WRITES
from chalicelib.domain import limits
from chalicelib.services import rate_limits
from tests.fixtures.builders import run_id
from tests.functional.api.conftest import FACTS, beat, report
from tests.tables import aws

HOUR = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)
NAMES = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit-Limit", "RateLimit-Remaining")


@pytest.fixture
def strict(api, time_machine, monkeypatch):
    """Start counting as a deployment does. Ask for it after what the test only needs to stand."""

    def start() -> None:
        monkeypatch.setenv("RATE_LIMIT_FACTOR", "1")
        rate_limits.limiter.cache_clear()
        time_machine.move_to(HOUR, tick=False)

    return start


def from_address(monkeypatch, address: str) -> None:
    monkeypatch.setattr(LambdaEventConverter, "LOCAL_SOURCE_IP", address)


def forget_warm_memory() -> None:
    """Go on as another function that has just started."""
    rate_limits.limiter.cache_clear()


def statuses(call, times: int) -> list[int]:
    return [call().status for _ in range(times)]


def lose_counters() -> None:
    aws("dynamodb").delete_table(TableName="crontopus-counters")


def test_the_sixth_login_of_a_minute_is_refused_whether_or_not_the_password_is_right(api, ada, strict):
    strict()

    wrong = statuses(lambda: api.login("ada", "wrong"), 5)
    answer = api.login("ada", "correct horse battery")

    assert wrong == [401] * 5
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (429, "rate_limited", "60")
    assert set(answer.body["error"]) == {"code", "message", "problems", "request_id"}


def test_who_holds_a_session_may_not_guess_its_password(ada, strict):
    strict()

    def guess():
        return ada.post("/api/auth/password", {"current_password": "wrong", "new_password": "another battery horse"})

    assert statuses(guess, 6) == [422] * 5 + [429]


def test_a_minute_later_it_may_log_in_again(api, ada, strict, time_machine):
    strict()
    statuses(lambda: api.login("ada", "wrong"), 6)

    time_machine.shift(60)

    assert api.login("ada", "correct horse battery").status == 200


def test_another_function_refuses_too(api, ada, strict):
    strict()
    statuses(lambda: api.login("ada", "wrong"), 5)

    forget_warm_memory()

    assert api.login("ada", "wrong").status == 429


def test_another_address_may_still_log_in(api, ada, strict, monkeypatch):
    strict()
    statuses(lambda: api.login("ada", "wrong"), 6)

    from_address(monkeypatch, "203.0.113.9")

    assert api.login("ada", "correct horse battery").status == 200


def test_a_header_does_not_make_another_address(api, strict):
    strict()

    def refresh(number: int = 0) -> int:
        return api.post("/api/auth/refresh", {"refresh_token": "x"}, X_Forwarded_For=f"203.0.113.{number}").status

    assert [refresh(number) for number in range(11)] == [401] * 10 + [429]


def test_three_may_register_in_an_hour(api, strict):
    strict()

    def register(number: int) -> int:
        body = {"username": f"user{number}", "email": f"u{number}@example.org", "password": "correct horse battery"}
        return api.post("/api/auth/register", body).status

    assert [register(number) for number in range(4)] == [201, 201, 201, 429]


def test_one_token_enrolls_twenty_machines_in_an_hour(api, ada, strict):
    first, second = (ada.post("/api/enrollment-tokens", {"name": "x", "max_uses": None}).body["token"] for _ in range(2))
    strict()

    def enroll(token: str = first) -> int:
        return api.as_(token).post("/api/endpoints/enroll", {"name": "no facts"}).status

    assert [enroll() for _ in range(21)] == [422] * 20 + [429]
    assert api.as_(second).post("/api/endpoints/enroll", FACTS).status == 201


def test_an_endpoint_checks_in_a_hundred_times_a_minute(api, ada, agent, strict):
    strict()
    numbers = iter(range(1, 200))

    def check_in():
        return api.as_(agent["token"]).post("/api/runs/check-in", report(agent, run_id=run_id(next(numbers))))

    assert statuses(check_in, 101) == [201] * 100 + [429]
    assert ada.get("/api/runs?limit=1000").status == 200
    assert beat(api, agent).status == 200


def test_check_ins_are_counted_without_a_write_of_their_own(api, agent, strict, calls):
    strict()

    for number in range(1, 10):
        api.as_(agent["token"]).post("/api/runs/check-in", report(agent, number))

    assert calls.names == ["GetItem", "PutItem"] * 9


def test_reads_and_writes_are_counted_apart_for_each_user(ada, eve, strict):
    strict()

    assert statuses(lambda: ada.get("/api/endpoints"), 61) == [200] * 60 + [429]
    assert ada.get("/api/auth/me").status == 429
    assert statuses(lambda: ada.delete("/api/enrollment-tokens/none"), 61) == [404] * 60 + [429]
    assert statuses(lambda: ada.delete("/api/jobs/default/none"), 31) == [404] * 30 + [429]
    assert eve.get("/api/endpoints").status == 200


def test_health_is_never_refused_and_says_nothing_of_limits(api, strict, calls):
    strict()

    answers = [api.get("/health") for _ in range(200)]

    assert {answer.status for answer in answers} == {200}
    assert calls.names == []
    assert not any(name in answers[0].headers for name in NAMES)


def test_an_answer_says_what_is_left(ada, strict, time_machine):
    strict()
    time_machine.shift(15)
    ada.get("/api/endpoints")

    headers = ada.get("/api/endpoints").headers

    assert [headers[name] for name in NAMES] == ["60", "58", str(int(HOUR.timestamp()) + 60), "60", "58"]
    assert headers["RateLimit-Reset"] == "45"


def test_a_refusal_and_an_error_say_it_too(api, ada, strict):
    strict()

    answers = [api.login("ada", "wrong") for _ in range(6)]

    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0"]


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/auth/register"])
def test_without_counters_nobody_may_guess(api, strict, path):
    strict()
    lose_counters()

    answer = api.login("ada", "wrong") if path.endswith("login") else api.post(path, {})

    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "store_unavailable", "5")


def test_without_counters_no_machine_enrolls(ada, strict):
    strict()
    lose_counters()

    assert ada.post("/api/endpoints/enroll", FACTS).status == 503


def test_without_counters_reads_check_ins_and_heartbeats_go_on(api, ada, agent, strict):
    strict()
    lose_counters()

    assert ada.get("/api/endpoints").status == 200
    assert api.as_(agent["token"]).post("/api/runs/check-in", report(agent)).status == 201
    assert beat(api, agent).status == 200


def test_every_limit_of_the_table_holds_somewhere():
    from app import BLUEPRINTS

    named = {spec.limit for blueprint in BLUEPRINTS for spec in blueprint.specs}

    assert named | {*READS.values(), *WRITES.values()} == {None, *limits.TABLE}
