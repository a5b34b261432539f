"""Two machines with one identity, as the API sees them."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.times import to_text
from tests.functional.api.conftest import FACTS, beat

A = {"instance_id": "a" * 32, "boot_id": "aaaaaaaa-0000"}
B = {"instance_id": "b" * 32, "boot_id": "bbbbbbbb-0000"}


@pytest.fixture
def say(api, agent, time_machine):
    """Send the heartbeat of one of them, half a minute after the last."""

    def send(who: dict[str, str], **more):
        time_machine.shift(10)
        return beat(api, agent, clock_at=to_text(datetime.now(UTC)), **who, **more)

    return send


def endpoint_of(ada):
    return ada.get("/api/endpoints").body["endpoints"][0]


def test_a_copy_is_refused_with_a_word_of_its_own_and_the_owner_is_told(say, ada):
    answers = [say(who).status for who in (A, B, A)]
    before = endpoint_of(ada)["last_heartbeat_at"]

    refused = say(B, spool_depth=99)

    assert answers == [200, 200, 200]
    assert (refused.status, refused.code) == (409, "duplicate_instance")
    shown = endpoint_of(ada)
    assert shown["duplicate_since"] is not None
    assert "second machine" in shown["problems"][0]
    assert (shown["spool_depth"], shown["last_heartbeat_at"]) == (0, before)
    assert say(A).status == 200


def test_a_restart_is_no_copy(say, ada):
    assert [say(who).status for who in (A, A, B, B)] == [200] * 4
    assert endpoint_of(ada)["duplicate_since"] is None


def test_an_agent_that_does_not_say_works_as_before(say, ada):
    assert [say(who).status for who in ({}, A, {}, B, {})] == [200] * 5
    assert endpoint_of(ada)["duplicate_since"] is None


def test_enrolling_again_settles_it_for_whoever_does(say, api, ada):
    for who in (A, B, A):
        say(who)

    fresh = ada.post("/api/endpoints/enroll", FACTS).body

    assert beat(api, fresh, **B).status == 200
    assert endpoint_of(ada)["duplicate_since"] is None


def test_a_heartbeat_of_the_same_process_costs_one_read_and_one_write(say, calls):
    say(A)
    calls.names.clear()

    say(A)

    assert calls.names == ["GetItem", "UpdateItem"]


@pytest.mark.parametrize(("off_s", "is_told"), [(0, False), (290, False), (-86400, True), (7200, True)])
def test_a_clock_that_is_off_by_more_than_five_minutes_is_flagged(api, ada, agent, off_s, is_told):
    beat(api, agent, clock_at=to_text(datetime.now(UTC) + timedelta(seconds=off_s)))

    shown = endpoint_of(ada)
    assert abs(shown["clock_skew_s"] - off_s) <= 5
    assert any("clock_off" in problem for problem in shown["problems"]) == is_told
