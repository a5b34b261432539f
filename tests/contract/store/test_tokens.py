from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain.credentials import Credential
from chalicelib.domain.errors import NotFound, Unauthenticated
from chalicelib.store import tokens as token_store
from tests.fixtures.builders import NOON

pytestmark = pytest.mark.usefixtures("tables")


def token(number: int = 1, **changes) -> Credential:
    facts = {"kind": "enrollment", "tenant_id": "ada", "owner": "ada", "name": "web", "created_at": NOON}
    return Credential(**({"digest": f"{number:064}", "token_id": f"et-{number}"} | facts | changes))


def test_a_token_is_found_by_its_digest():
    saved = token(max_uses=3, expires_at=NOON + timedelta(hours=1), family="f")

    token_store.save(saved)

    assert token_store.find(saved.digest) == saved
    assert token_store.find("0" * 64) is None


def test_an_api_token_keeps_its_scopes_and_its_end():
    saved = token(kind="api", scopes=frozenset({"read:jobs", "admin:*"}), last4="wxyz")

    token_store.save(saved)

    assert token_store.find(saved.digest) == saved


def test_a_deleted_token_is_gone_and_may_be_deleted_again():
    token_store.save(token())

    token_store.delete(token().digest)
    token_store.delete(token().digest)

    assert token_store.find(token().digest) is None


def test_a_tenant_sees_its_own_tokens_of_one_kind_newest_first():
    for one in (token(1), token(2), token(3, kind="refresh"), token(4, tenant_id="eve")):
        token_store.save(one)

    assert [one.token_id for one in token_store.list_of_tenant("ada", "enrollment")] == ["et-2", "et-1"]


@pytest.mark.parametrize(("tenant_id", "kind"), [("eve", "enrollment"), ("ada", "endpoint")])
def test_a_token_is_deleted_only_by_its_tenant_and_kind(tenant_id, kind):
    token_store.save(token())

    with pytest.raises(NotFound):
        token_store.delete_of_tenant(tenant_id, kind, "et-1")
    assert token_store.find(token().digest) == token()


def test_uses_are_counted_to_the_last_one_however_many_ask_at_once():
    token_store.save(token(max_uses=3))

    def spend(_: int) -> bool:
        try:
            token_store.spend(token(max_uses=3), NOON)
        except Unauthenticated:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(spend, range(8))) == 3
    assert token_store.find(token().digest) == replace(token(max_uses=3), uses=3, last_used_at=NOON)


def test_a_token_without_a_limit_is_never_used_up():
    token_store.save(token())

    for _ in range(3):
        token_store.spend(token(), NOON)

    assert token_store.find(token().digest).uses == 3


def test_a_token_that_is_gone_cannot_be_spent():
    with pytest.raises(Unauthenticated):
        token_store.spend(token(), NOON)


def test_expiry_is_judged_by_the_clock_not_by_deletion():
    saved = token(expires_at=NOON)

    assert saved.is_in_force(NOON - timedelta(milliseconds=1))
    assert not saved.is_in_force(NOON)


def test_an_expired_token_is_deleted_a_week_later():
    token_store.save(token(expires_at=NOON))

    assert token_store.TokenItem.get(token().digest).ttl == (NOON + timedelta(days=7)).timestamp()


@pytest.mark.parametrize("expires_at", [None, NOON + timedelta(days=365)])
def test_name_and_expiry_are_amended_with_the_day_of_deletion(expires_at):
    before = token(expires_at=NOON + timedelta(days=90))
    token_store.save(before)

    token_store.amend(before, replace(before, name="new", expires_at=expires_at))

    assert token_store.find(before.digest) == replace(before, name="new", expires_at=expires_at)
    ttl = (expires_at + timedelta(days=7)).timestamp() if expires_at else None
    assert token_store.TokenItem.get(before.digest).ttl == ttl


def test_amending_what_is_the_same_costs_nothing(calls):
    token_store.amend(token(), token())

    assert calls.names == []


def test_a_token_that_was_deleted_meanwhile_is_not_amended_back():
    with pytest.raises(NotFound):
        token_store.amend(token(), token(name="new"))
    assert token_store.find(token().digest) is None


def test_a_use_is_noted_once_for_each_stretch_of_time_however_many_ask():
    token_store.save(token())

    with ThreadPoolExecutor(8) as pool:
        moments = [NOON + timedelta(seconds=number) for number in range(8)]
        list(
            pool.map(
                lambda now: token_store.note_use(token(), now, "192.0.2.1", unless_after=NOON - timedelta(minutes=15)), moments
            )
        )
    first = token_store.find(token().digest).last_used_at
    token_store.note_use(token(), NOON + timedelta(hours=1), "192.0.2.1", unless_after=NOON + timedelta(minutes=45))

    assert first in moments
    assert token_store.find(token().digest).last_used_at == NOON + timedelta(hours=1)


def test_the_use_of_a_deleted_token_does_not_bring_it_back():
    token_store.note_use(token(), NOON, "192.0.2.1", unless_after=NOON)

    assert token_store.find(token().digest) is None
