"""The limiter, with a table that is an argument."""

from datetime import datetime, timedelta

import pytest

from chalicelib.domain import limits
from chalicelib.domain.errors import TooManyRequests, Unavailable
from chalicelib.domain.limits import Limit
from chalicelib.services import rate_limits
from chalicelib.services.rate_limits import BLIND_FOR, Limiter
from tests.fixtures.builders import NOON

EXACT = Limit("exact", "address", 5, 60, ceiling_per_s=1, refuses_blind=True)
OPEN = Limit("open", "user", 5, 60, ceiling_per_s=1)
LOOSE = Limit("loose", "endpoint", 100, 60, ceiling_per_s=1, is_exact=False)


class Table:
    """The counters table of a test, shared by several functions; `answers` is False while it is down."""

    def __init__(self) -> None:
        self.sums: dict[str, int] = {}
        self.writes = 0
        self.answers = True

    def add(self, key: str, count: int, at_most: int, expires_at: datetime) -> int | None:
        self.writes += 1
        if not self.answers:
            raise Unavailable("down")
        if self.sums.get(key, 0) >= at_most:
            return None
        self.sums[key] = self.sums.get(key, 0) + count
        return self.sums[key]


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def limiter(table) -> Limiter:
    return Limiter(table.add)


def served(limiter: Limiter, times: int, limit: Limit = EXACT, who: str = "ada", now: datetime = NOON) -> int:
    """Return how many of so many requests were served."""
    return sum(not limiter.count(limit, who, now).is_over for _ in range(times))


@pytest.mark.parametrize("limit", [EXACT, OPEN, LOOSE], ids=lambda limit: limit.name)
def test_exactly_the_limit_is_served_and_not_one_more(limiter, limit):
    assert served(limiter, limit.times, limit) == limit.times
    assert served(limiter, 1, limit) == 0


def test_what_remains_counts_down_to_nothing(limiter):
    assert [limiter.count(EXACT, "ada", NOON).remaining for _ in range(6)] == [4, 3, 2, 1, 0, 0]


def test_the_next_window_begins_anew(limiter):
    last = NOON + timedelta(seconds=59, microseconds=999_999)

    assert served(limiter, 6, now=NOON) == 5
    assert served(limiter, 1, now=last) == 0
    assert served(limiter, 6, now=NOON + timedelta(seconds=60)) == 5


def test_one_caller_does_not_use_up_anothers_limit(limiter):
    served(limiter, 6)

    assert served(limiter, 5, who="eve") == 5


def test_one_limit_does_not_use_up_another(limiter):
    served(limiter, 6)

    assert served(limiter, 5, OPEN) == 5


def test_several_functions_share_one_limit_exactly(table):
    functions = [Limiter(table.add) for _ in range(4)]

    assert sum(served(function, 3) for function in functions) == 5


def test_a_refusal_costs_one_write_and_its_repetition_none(table):
    served(Limiter(table.add), 5)
    other, before = Limiter(table.add), table.writes

    assert served(other, 10) == 0
    assert table.writes - before == 1


def test_a_loose_limit_writes_for_each_tenth_part_only(limiter, table):
    served(limiter, 9, LOOSE)
    assert table.writes == 0

    served(limiter, 91, LOOSE)
    assert table.writes == 10


def test_a_loose_limit_is_overrun_by_less_than_a_tenth_for_each_further_function(table):
    functions = [Limiter(table.add) for _ in range(20)]

    in_turn = sum(served(function, 1, LOOSE) for _ in range(100) for function in functions)

    assert in_turn <= 100 + 19 * 9


def test_a_factor_multiplies_the_limit(table):
    limiter = Limiter(table.add, factor=3)

    assert served(limiter, 20) == 15
    assert limiter.count(EXACT, "eve", NOON).times == 15


def test_what_guards_secrets_serves_nobody_while_the_table_is_down(limiter, table):
    table.answers = False

    with pytest.raises(Unavailable):
        limiter.count(EXACT, "ada", NOON)

    table.answers = True
    assert served(limiter, 6) == 5


def test_everything_else_goes_on_and_counts_by_itself_while_the_table_is_down(limiter, table):
    table.answers = False

    assert served(limiter, 6, OPEN) == 5


def test_a_table_that_is_down_is_not_asked_again_at_once(limiter, table):
    table.answers = False
    served(limiter, 3, OPEN)
    assert table.writes == 1

    later = NOON + BLIND_FOR
    table.answers = True
    served(limiter, 1, OPEN, now=later)

    assert list(table.sums.values()) == [4]


def test_a_flood_of_callers_does_not_fill_the_memory(limiter, monkeypatch):
    monkeypatch.setattr(rate_limits, "MAX_TALLIES", 10)

    for number in range(100):
        limiter.count(EXACT, f"caller {number}", NOON)

    assert len(limiter._tallies) <= 10
    assert served(limiter, 6, who="caller 0") == 4


def test_the_wait_reaches_to_the_end_of_the_window(limiter):
    served(limiter, 5)
    now = NOON + timedelta(seconds=18.5)
    standing = limiter.count(EXACT, "ada", now)

    with pytest.raises(TooManyRequests) as refused:
        limits.refuse_over(standing, now.timestamp())

    assert (standing.resets_at_s, refused.value.retry_after_s) == (NOON.timestamp() + 60, 42)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
    ],
)
def test_an_address_counts_alone_and_an_ipv6_network_as_one(one, other, same):
    assert (limits.address_key(one) == limits.address_key(other)) is same


def test_limits_have_names_of_their_own():
    assert len({limit.name for limit in limits.TABLE}) == len(limits.TABLE)
