from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.device import LIFE, Grant
from chalicelib.domain.errors import Conflict
from chalicelib.store import device_grants
from tests.fixtures.builders import NOON

GRANT = Grant("d" * 64, "cli", "crontopus on laptop", "192.0.2.1", NOON, NOON + LIFE)
CODE = "c" * 64


@pytest.fixture
def waiting(tables) -> Grant:
    device_grants.save(GRANT, CODE)
    return GRANT


def test_a_login_is_found_by_either_code(waiting):
    assert device_grants.find(GRANT.digest) == GRANT
    assert device_grants.find_by_code(CODE) == GRANT


def test_an_unknown_code_finds_nothing(waiting):
    assert device_grants.find("x") is None
    assert device_grants.find_by_code(GRANT.digest) is None


@pytest.mark.parametrize(("digest", "code"), [("e" * 64, CODE), (GRANT.digest, "e" * 64)])
def test_a_code_that_is_taken_stores_nothing(waiting, digest: str, code: str):
    with pytest.raises(Conflict):
        device_grants.save(replace(GRANT, digest=digest), code)

    assert device_grants.find("e" * 64) is None
    assert device_grants.find_by_code("e" * 64) is None


def test_of_two_decisions_the_first_stands(waiting):
    device_grants.decide(GRANT, "denied", "ada", NOON)

    with pytest.raises(Conflict):
        device_grants.decide(GRANT, "approved", "eve", NOON)
    found = device_grants.find(GRANT.digest)
    assert found and (found.state, found.tenant_id) == ("denied", "ada")


def test_it_is_too_late_to_decide_once_the_code_has_expired(waiting):
    with pytest.raises(Conflict):
        device_grants.decide(GRANT, "approved", "ada", NOON + LIFE)
    device_grants.decide(GRANT, "approved", "ada", NOON + LIFE - timedelta(milliseconds=1))


def test_an_approval_is_used_up_once(waiting):
    with pytest.raises(Conflict):
        device_grants.use_up(GRANT)
    device_grants.decide(GRANT, "approved", "ada", NOON)

    device_grants.use_up(GRANT)
    with pytest.raises(Conflict):
        device_grants.use_up(GRANT)


def test_a_question_is_noted_with_the_new_interval(waiting):
    device_grants.note_poll(GRANT, 10, NOON)

    found = device_grants.find(GRANT.digest)
    assert found and (found.interval_s, found.polled_at) == (10, NOON)
