"""User codes and what a program that asks is told."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain import device
from chalicelib.domain.device import Grant
from tests.fixtures.builders import NOON

GRANT = Grant("d", "cli", "cli", "192.0.2.1", NOON, NOON + device.LIFE)


@pytest.mark.parametrize("random", [bytes(16), b"\xff" * 16, bytes(range(16))])
def test_a_code_is_eight_letters_that_neither_look_alike_nor_make_words(random: bytes):
    code = device.new_code(random)

    assert len(code) == 9 and code[4] == "-"
    assert not set(code.replace("-", "")) & set("AEIOUY0123456789")
    assert device.read_code(code) == code


def test_codes_use_every_letter_about_as_often():
    letters = "".join(device.new_code(number.to_bytes(16, "little") * 1) for number in range(1, 4000)).replace("-", "")

    assert set(letters) == set(device.ALPHABET)


@pytest.mark.parametrize("typed", ["bcdf-ghjk", "BCDFGHJK", " bcdf ghjk ", "b c d f g h j k", "BCDF–GHJK"])
def test_a_code_may_be_typed_as_people_type(typed: str):
    assert device.read_code(typed) == "BCDF-GHJK"


@pytest.mark.parametrize("typed", ["", "BCDF-GHJ", "BCDF-GHJKL", "BCDF-GHJA", "BCDF-GHJ1", "ＢCDF-GHJK"])
def test_what_cannot_be_a_code_is_none(typed: str):
    assert device.read_code(typed) is None


@pytest.mark.parametrize(
    ("changes", "after_s", "verdict"),
    [
        ({}, 0, "authorization_pending"),
        ({}, 599, "authorization_pending"),
        ({}, 600, "expired_token"),
        ({"state": "approved"}, 1, "approved"),
        ({"state": "approved"}, 600, "expired_token"),
        ({"state": "denied"}, 600, "access_denied"),
        ({"state": "used"}, 1, "invalid_grant"),
        ({"polled_at": NOON}, 4.4, "slow_down"),
        ({"polled_at": NOON}, 4.5, "authorization_pending"),
        ({"polled_at": NOON, "interval_s": 10}, 9, "slow_down"),
        ({"polled_at": NOON, "state": "approved"}, 1, "approved"),
    ],
)
def test_a_program_is_told_what_rfc_8628_says(changes, after_s: float, verdict: str):
    assert device.judge(replace(GRANT, **changes), NOON + timedelta(seconds=after_s)) == verdict
