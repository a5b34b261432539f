import json
import logging

import pytest

from chalicelib.domain import tokens
from chalicelib.logs import RedactingFormatter, redact

TOKEN = tokens.mint("endpoint", bytes(32))
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
SECRETS = [
    (f"token is {TOKEN}", TOKEN),
    (f"Authorization: Bearer {JWT}", JWT),
    ("Authorization: token 0123456789abcdef0123456789abcdef01234567", "0123456789abcdef"),
    ("Authorization: Basic YWRhOnNlY3JldA==", "YWRhOnNlY3JldA"),
    ("git clone http://t-1:verysecret@forge/x.git", "verysecret"),
    (json.dumps({"password": "correct horse"}), "correct horse"),
    (json.dumps({"refresh_token": "whatever it is"}), "whatever"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_no_secret_survives(text: str, secret: str):
    assert secret not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize(
    "text", ["job backup of ep-1 is late", "commit 0123456789abcdef0123456789abcdef01234567", "http://forge/x.git"]
)
def test_what_is_no_secret_stays(text: str):
    assert redact(text) == text


def line(**record) -> str:
    facts = {"name": "x", "levelno": logging.ERROR, "levelname": "ERROR", "msg": "it went wrong"} | record
    return str(RedactingFormatter(utc=True).format(logging.makeLogRecord(facts)))


def test_an_extra_field_is_masked_too():
    assert TOKEN not in line(credential=TOKEN)


def test_a_traceback_is_masked_too():
    try:
        raise ValueError(f"bad {TOKEN}")
    except ValueError as e:
        text = line(exc_info=(type(e), e, e.__traceback__))

    assert "ValueError" in text
    assert TOKEN not in text


def test_a_line_stays_json():
    assert json.loads(line(password="p", token=TOKEN))["message"] == "it went wrong"
