"""What our tables share: one client, how values lie in DynamoDB, and what its errors mean here."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

from pynamodb.attributes import Attribute, NumberAttribute
from pynamodb.connection import Connection, TableConnection
from pynamodb.constants import NUMBER
from pynamodb.exceptions import DoesNotExist, PynamoDBException
from pynamodb.models import Model

from chalicelib import config
from chalicelib.domain import times
from chalicelib.domain.errors import Unavailable

# botocore waits between its own tries; these only follow up what it was told was left over.
BATCH_TRIES = 4


class MomentAttribute(Attribute[datetime]):
    """A moment as milliseconds since the epoch."""

    attr_type = NUMBER

    def serialize(self, value: datetime) -> str:
        return str(times.to_millis(value))

    def deserialize(self, value: str) -> datetime:
        return times.from_millis(int(value))


class WholeNumber(NumberAttribute):
    """A whole number. PynamoDB's own goes through a JSON encoder, which shows in a batch of 25 runs."""

    def serialize(self, value: int) -> str:
        return str(int(value))


class CompressedText(Attribute[str]):
    """Text, deflated: run outputs compress four to ten times."""

    attr_type = "B"
    legacy_encoding = False

    def serialize(self, value: str) -> bytes:
        # A lone surrogate cannot come from JSON that was checked; "replace" keeps even that from losing a run.
        return zlib.compress(value.encode("utf-8", "replace"))

    def deserialize(self, value: bytes) -> str:
        return zlib.decompress(value).decode("utf-8", "replace")


@cache
def connection() -> Connection:
    """Return the one client all tables share: making one costs a cold start 60 ms."""
    return Connection(connect_timeout_seconds=2, read_timeout_seconds=5, max_retry_attempts=3, max_pool_connections=10)


class Table(Model):
    """What all our tables have in common."""

    @classmethod
    def _get_connection(cls) -> TableConnection:
        # PynamoDB would make a client for each model; it offers no other place to hand one in.
        table = super()._get_connection()
        if table.connection is not connection():
            connection().add_meta_table(table.get_meta_table())
            table.connection = connection()
        return table


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


def put_all(model: type[Table], items: Sequence[Mapping[str, Any]]) -> None:
    """Put up to 25 items without conditions. items: attribute -> value; None is left out.

    One call, more only while DynamoDB leaves some unprocessed; Unavailable if it keeps doing that, with some of them written.
    Model instances would cost half of the request's CPU.
    """
    known = model.get_attributes()
    pending = [
        {name: {known[name].attr_type: known[name].serialize(value)} for name, value in item.items() if value is not None}
        for item in items
    ]
    table = model.Meta.table_name
    for _ in range(BATCH_TRIES):
        answer = connection().batch_write_item(table, put_items=pending)
        left = answer.get("UnprocessedItems", {}).get(table, [])
        if not left:
            return
        pending = [request["PutRequest"]["Item"] for request in left]
    raise Unavailable("the database is too busy; try again", code="store_unavailable")


def put_together(items: Mapping[type[Table], Sequence[Mapping[str, Any]]]) -> None:
    """Put up to 25 items into several tables without conditions, otherwise as `put_all` does."""
    pending: dict[str, Any] = {
        model.Meta.table_name: [{"PutRequest": {"Item": _typed(model, item)}} for item in some] for model, some in items.items()
    }
    for _ in range(BATCH_TRIES):
        pending = connection().dispatch("BatchWriteItem", {"RequestItems": pending}).get("UnprocessedItems", {})
        if not pending:
            return
    raise Unavailable("the database is too busy; try again", code="store_unavailable")


def _typed(model: type[Table], item: Mapping[str, Any]) -> dict[str, Any]:
    known = model.get_attributes()
    return {name: {known[name].attr_type: known[name].serialize(value)} for name, value in item.items() if value is not None}


@contextmanager
def suppress_condition_failure() -> Iterator[None]:
    """Go on where a write was refused by its own condition."""
    try:
        yield
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise


def read_partition(model: type[Table], key: str, attributes: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield one partition's items with these attributes only, as DynamoDB types them; one Query a megabyte.

    For reports over thousands of items: model instances would cost twice the time.
    """
    start: Any = None
    while True:
        with store_errors():
            page = model._get_connection().query(key, attributes_to_get=list(attributes), exclusive_start_key=start)
        yield from page["Items"]
        start = page.get("LastEvaluatedKey")
        if not start:
            return


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn what DynamoDB says into our words. Failed conditions and absent items stay: callers know what they mean."""
    try:
        yield
    except PynamoDBException as e:
        if isinstance(e, DoesNotExist) or is_condition_failure(e):
            raise
        raise Unavailable("the database did not answer; nothing was changed, try again", code="store_unavailable") from e
