"""The idempotency table: keys that callers sent with a request, and the sealed answers they got."""

from collections.abc import Sequence
from datetime import datetime

from pynamodb.attributes import BinaryAttribute, ListAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException

from chalicelib.domain.idempotency import CLAIM_LIFE, KEPT, Kept
from chalicelib.store.tables import MomentAttribute, Table, WholeNumber, is_condition_failure, store_errors, table_name


class IdempotencyItem(Table):
    """claimed_until: when whoever began counts as dead. An answer is there once it was given."""

    class Meta:
        table_name = table_name("idempotency")

    key = UnicodeAttribute(hash_key=True)
    fingerprint = UnicodeAttribute(null=True)
    claimed_until = MomentAttribute(null=True)
    expires_at = MomentAttribute(null=True)
    answer = ListAttribute(of=BinaryAttribute, null=True)
    ttl = WholeNumber(null=True)


def claim(key: str, fingerprint: str, now: datetime) -> Kept | None:
    """Take the key for this request, or return what is known of it. None means: it is ours, go on."""
    ends_at, ttl = now + CLAIM_LIFE, int((now + KEPT).timestamp())
    item = IdempotencyItem(key, fingerprint=fingerprint, claimed_until=ends_at, expires_at=now + KEPT, ttl=ttl)
    is_free = IdempotencyItem.fingerprint.does_not_exist() | (IdempotencyItem.expires_at <= now)
    is_left = (
        IdempotencyItem.answer.does_not_exist()
        & (IdempotencyItem.claimed_until <= now)
        & (IdempotencyItem.fingerprint == fingerprint)
    )
    try:
        with store_errors():
            item.save(condition=is_free | is_left)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        return _find(key, fingerprint)
    return None


def finish(key: str, answer: Sequence[bytes]) -> None:
    """Keep the answer; empty says that there was one, and that it is not kept."""
    with store_errors():
        IdempotencyItem(key).update(actions=[IdempotencyItem.answer.set(list(answer))])


def release(key: str) -> None:
    """Give the key back: nothing came of the request, so the next one with this key may be any."""
    with store_errors():
        IdempotencyItem(key).update(actions=[IdempotencyItem.fingerprint.remove()])


def _find(key: str, fingerprint: str) -> Kept:
    try:
        with store_errors():
            item = IdempotencyItem.get(key, consistent_read=True)
    except IdempotencyItem.DoesNotExist:
        return Kept(fingerprint, None)
    # One that was given back this very moment is as good as under way: the next try gets it.
    return Kept(item.fingerprint or fingerprint, tuple(item.answer) if item.answer is not None else None)
