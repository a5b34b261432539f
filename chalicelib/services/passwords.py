"""Passwords: argon2id with the OWASP minimum (19 MiB, 2 passes), and a judgement on how easily one is guessed."""

import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from chalicelib.domain.errors import Invalid
from chalicelib.domain.tenants import MAX_PASSWORD_BYTES, password_problem

# zxcvbn: 0 too guessable .. 4 very unguessable; from 2 on an attack needs more than a million guesses.
LEAST_SCORE = 2

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_new(password: str, *, username: str, email: str, field: str = "password") -> str:
    """Return the hash of a new password. Raise Invalid, naming `field`, if it is too short, too long or easily guessed."""
    problem = password_problem(password) or _guess_problem(password, username, email)
    if problem:
        raise Invalid.of({field: problem})
    return _hasher.hash(_normal(password))


def is_right(password: str, stored_hash: str | None) -> bool:
    """Tell whether the password is the one of this hash.

    None, for an unknown user, and an empty one, for an account without a password, take as long and are never right.
    """
    if len(password.encode("utf-8", "replace")) > MAX_PASSWORD_BYTES:
        return False
    try:
        return _hasher.verify(stored_hash or _nobodys_hash(), _normal(password)) and bool(stored_hash)
    except (Argon2Error, InvalidHashError):
        return False


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("a password that nobody has")


def _normal(password: str) -> str:
    return unicodedata.normalize("NFC", password)


def _guess_problem(password: str, username: str, email: str) -> str | None:
    # Its word lists take 60 ms to load and only a registration needs them.
    from zxcvbn import zxcvbn

    judged = zxcvbn(password[:100], user_inputs=[username, email, email.split("@")[0], "crontopus"])
    if judged["score"] >= LEAST_SCORE:
        return None
    return "is easily guessed: " + (judged["feedback"]["warning"] or "use more words, and unusual ones")
