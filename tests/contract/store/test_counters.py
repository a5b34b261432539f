from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from chalicelib.store import counters as counter_store
from tests.fixtures.builders import NOON

pytestmark = pytest.mark.usefixtures("tables")


def add(count: int = 1, key: str = "login#192.0.2.1#60", at_most: int = 5) -> int | None:
    return counter_store.add(key, count, at_most, NOON)


def test_a_counter_begins_at_nothing_and_adds_up():
    assert [add(), add(3), add()] == [1, 4, 5]


def test_a_full_counter_takes_nothing_more():
    add(5)

    assert add() is None
    assert counter_store.CounterItem.get("login#192.0.2.1#60").n == 5


def test_counters_do_not_touch_each_other():
    add(5)

    assert add(key="login#192.0.2.2#60") == 1


def test_however_many_ask_at_once_only_the_limit_is_let_through():
    with ThreadPoolExecutor(8) as pool:
        sums = list(pool.map(lambda _: add(), range(16)))

    assert sorted(found for found in sums if found) == [1, 2, 3, 4, 5]


def test_one_question_costs_one_write(calls):
    add(5)
    add()

    assert calls.names == ["UpdateItem", "UpdateItem"]


def test_a_counter_goes_when_its_window_is_long_over():
    counter_store.add("k", 1, 5, NOON + timedelta(hours=1))

    assert counter_store.CounterItem.get("k").ttl == (NOON + timedelta(hours=1)).timestamp()
