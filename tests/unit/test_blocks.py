"""When an address is blocked, for how long, and which never are."""

from datetime import timedelta

import pytest

from chalicelib.domain import blocks
from chalicelib.domain.errors import Forbidden, NotFound, TooManyRequests, Unauthenticated, Unavailable
from chalicelib.services.blocks import Gate, Lists
from chalicelib.services.rate_limits import Limiter
from tests.fixtures.builders import NOON

HERE = "192.0.2.7"
REFUSED = Unauthenticated("no")


def gate(lists: Lists | None = None, *networks: str) -> Gate:
    return Gate(networks, Limiter(lambda *_: None), lambda: lists or Lists({}, ()))


def test_the_first_block_lasts_an_hour_the_second_a_day_and_the_third_for_good():
    first = blocks.next_block(HERE, None, NOON)
    second = blocks.next_block(HERE, first, NOON + timedelta(hours=2))
    third = blocks.next_block(HERE, second, NOON + timedelta(days=2))

    assert [first.until, second.until, third.until] == [NOON + timedelta(hours=1), NOON + timedelta(hours=26), None]
    assert [first.level, second.level, third.level] == [1, 2, 3]


def test_who_behaves_for_a_month_begins_anew():
    first = blocks.next_block(HERE, None, NOON)
    second = blocks.next_block(HERE, first, NOON + timedelta(hours=2))

    assert blocks.next_block(HERE, second, NOON + timedelta(days=40)).level == 1


def test_a_block_ends_by_itself():
    made = blocks.next_block(HERE, None, NOON)
    closed = gate(Lists({HERE: made}, ()))

    with pytest.raises(TooManyRequests, match="blocked for 1800 s") as refused:
        closed.refuse_blocked(HERE, NOON + timedelta(minutes=30))
    assert (refused.value.code, refused.value.retry_after_s) == ("address_blocked", 1800)
    closed.refuse_blocked(HERE, NOON + timedelta(hours=1))


def test_a_block_holds_for_one_address():
    gate(Lists({HERE: blocks.next_block(HERE, None, NOON)}, ())).refuse_blocked("192.0.2.8", NOON)


@pytest.mark.parametrize("networks", [("192.0.2.0/24",), ("192.0.2.7/32",), ("2001:db8::/32", "192.0.2.7")])
def test_a_trusted_address_is_let_in(networks):
    made = blocks.next_block(HERE, None, NOON)

    gate(Lists({HERE: made}, ()), *networks).refuse_blocked(HERE, NOON)
    gate(Lists({HERE: made}, networks)).refuse_blocked(HERE, NOON)


@pytest.mark.parametrize(
    ("address", "network", "is_inside"),
    [
        ("2001:db8:1:2::/64", "2001:db8::/32", True),
        ("2001:db9::/64", "2001:db8::/32", False),
        ("192.0.2.7", "::/0", False),
        ("192.0.3.0", "192.0.2.0/24", False),
        ("192.0.2.255", "192.0.2.0/24", True),
    ],
)
def test_an_address_is_within_a_network_or_not(address, network, is_inside):
    assert blocks.is_within(address, [network]) is is_inside


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (Unauthenticated("wrong password"), True),
        (Unauthenticated("refresh it", code="token_expired"), False),
        (Unauthenticated("revoked", code="endpoint_revoked"), False),
        (TooManyRequests("slow down", retry_after_s=1), True),
        (TooManyRequests("wait", retry_after_s=1, code="login_delayed"), True),
        (TooManyRequests("blocked", retry_after_s=1, code="address_blocked"), False),
        (Forbidden("no"), False),
        (NotFound("no"), False),
        (Unavailable("no"), False),
    ],
)
def test_what_counts_against_an_address(error, counts):
    assert blocks.is_violation(error) is counts


def test_the_list_is_read_once_a_minute_and_only_for_those_who_are_not_trusted():
    reads = []

    def read() -> Lists:
        reads.append(1)
        return Lists({}, ())

    watched = Gate(["10.0.0.0/8"], Limiter(lambda *_: None), read)
    watched.refuse_blocked("10.1.1.1", NOON)
    assert reads == []
    for seconds in (0, 1, 59, 60, 61):
        watched.refuse_blocked(HERE, NOON + timedelta(seconds=seconds))

    assert len(reads) == 2


def test_a_list_that_cannot_be_read_is_the_one_before():
    answers = iter([Lists({HERE: blocks.next_block(HERE, None, NOON)}, ())])

    def read() -> Lists:
        try:
            return next(answers)
        except StopIteration:
            raise Unavailable("no") from None

    closed = Gate([], Limiter(lambda *_: None), read)
    for minutes in (0, 5):
        with pytest.raises(TooManyRequests):
            closed.refuse_blocked(HERE, NOON + timedelta(minutes=minutes))
