"""Requests that may be sent again: who asks with the same key for the same thing gets the same answer."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.domain.errors import Conflict, Invalid

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
# Longer than a function may run: whoever has not answered by then never will.
CLAIM_LIFE = timedelta(seconds=60)
RETRY_AFTER_S = 2
MAX_KEY = 255

# What KMS seals at once, and how many such pieces one answer may take.
PIECE_BYTES = 4096
MAX_PIECES = 8


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a key. answer: sealed pieces; None while the first request is under way, empty if it was too large."""

    fingerprint: str
    answer: tuple[bytes, ...] | None


class InProgress(Conflict):
    """The first request with this key has not been answered yet."""

    code = "idempotency_in_progress"
    retry_after_s = RETRY_AFTER_S


def checked(key: str) -> str:
    """Return the key. Raise Invalid if it is none."""
    if 1 <= len(key) <= MAX_KEY and all("!" <= character <= "~" for character in key):
        return key
    raise Invalid.of({HEADER: f"must be 1 to {MAX_KEY} visible ASCII characters, such as a UUID"})


def fingerprint(method: str, path: str, body: bytes) -> str:
    """Return what tells one request from another: SHA-256, hex, of method, path and body."""
    return hashlib.sha256(b"\0".join((method.encode(), path.encode(), body))).hexdigest()


def refuse_unless_answered(kept: Kept, wanted: str) -> tuple[bytes, ...]:
    """Return the kept answer. Raise Invalid for another request's key, Conflict while, or where, there is no answer to give."""
    if kept.fingerprint != wanted:
        words = "was used for another request within 24 hours; send a new one, or the same request as then"
        raise Invalid("this key belongs to another request", problems={HEADER: words}, code="idempotency_key_reused")
    if kept.answer is None:
        raise InProgress(f"the first request with this key is still under way; try again in {RETRY_AFTER_S} s")
    if not kept.answer:
        message = "this request was carried out; its answer could not be kept, so look at what it made"
        raise Conflict(message, code="idempotency_answer_not_kept")
    return kept.answer


def pieces(content: bytes) -> list[bytes] | None:
    """Return the content in pieces that can be sealed, None if there would be too many."""
    cut = [content[start : start + PIECE_BYTES] for start in range(0, len(content), PIECE_BYTES)]
    return cut if len(cut) <= MAX_PIECES else None
