"""How our values lie in DynamoDB, and what its errors mean here."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pynamodb.attributes import Attribute, BinaryAttribute
from pynamodb.constants import NUMBER
from pynamodb.exceptions import PynamoDBException

from chalicelib import config
from chalicelib.domain import times
from chalicelib.domain.errors import Unavailable


class MomentAttribute(Attribute[datetime]):
    """A moment as milliseconds since the epoch."""

    attr_type = NUMBER

    def serialize(self, value: datetime) -> str:
        return str(times.to_millis(value))

    def deserialize(self, value: str) -> datetime:
        return times.from_millis(int(value))


class CompressedText(Attribute[str]):
    """Text, deflated: run outputs compress four to ten times."""

    attr_type = "B"
    legacy_encoding = False

    def serialize(self, value: str) -> bytes:
        # A lone surrogate cannot come from JSON that was checked; "replace" keeps even that from losing a run.
        return zlib.compress(value.encode("utf-8", "replace"))

    def deserialize(self, value: bytes) -> str:
        return zlib.decompress(value).decode("utf-8", "replace")


class TableMeta:
    """What every table's Meta says beside its name."""

    region: str | None = None
    connect_timeout_seconds = 2
    read_timeout_seconds = 5
    max_retry_attempts = 3
    max_pool_connections = 10


def table_name(name: str) -> str:
    """Return the full name of one of our tables."""
    return config.table_prefix() + name


def is_condition_failure(error: PynamoDBException) -> bool:
    """Tell whether a write was refused by its own condition, alone or inside a transaction."""
    code = getattr(error, "cause_response_code", None)
    if code == "TransactionCanceledException":
        reasons: list[Any] = getattr(error, "cancellation_reasons", [])
        return any(reason is not None and reason.code == "ConditionalCheckFailed" for reason in reasons)
    return code == "ConditionalCheckFailedException"


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn what DynamoDB says into our words. A failed condition stays as it is: only the caller knows what it means."""
    try:
        yield
    except PynamoDBException as e:
        if is_condition_failure(e):
            raise
        raise Unavailable("the database did not answer; nothing was changed, try again", code="store_unavailable") from e


__all__ = [
    "BinaryAttribute",
    "CompressedText",
    "MomentAttribute",
    "TableMeta",
    "is_condition_failure",
    "store_errors",
    "table_name",
]
