import re

import pytest

from chalicelib.domain import ids, tokens
from tests.fixtures.builders import NOON

RANDOM = bytes(range(32))


@pytest.mark.parametrize("kind", tokens.PREFIX)
def test_a_token_knows_its_kind(kind: tokens.TokenKind):
    assert tokens.kind_of(tokens.mint(kind, RANDOM)) == kind


def test_a_token_has_the_form_that_scanners_look_for():
    assert re.fullmatch("cte_[0-9A-Za-z]{49}", tokens.mint("endpoint", b"\xff" * 32))


@pytest.mark.parametrize("position", [0, 5, 30, 52])
def test_a_mistyped_token_is_no_token(position: int):
    token = tokens.mint("api", RANDOM)
    mistyped = token[:position] + ("x" if token[position] != "x" else "y") + token[position + 1 :]

    assert tokens.kind_of(mistyped) is None


@pytest.mark.parametrize("text", ["", "ctp_", "a.b.c", "ctp_" + "é" * 49])
def test_what_is_no_token_has_no_kind(text: str):
    assert tokens.kind_of(text) is None


def test_a_uuid7_carries_its_moment():
    assert ids.uuid7_time(ids.uuid7_from(NOON, bytes(10))) == NOON


def test_a_uuid7_is_one():
    assert ids.is_uuid(ids.uuid7_from(NOON, b"\xff" * 10), 7)


def test_ulids_sort_by_time():
    assert ids.ulid_from(NOON, b"\xff" * 10) < ids.ulid_from(NOON.replace(second=1), bytes(10))
