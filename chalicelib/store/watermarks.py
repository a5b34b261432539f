"""How far a worker has come, kept beside the counters: one small item for each worker, which never expires."""

from datetime import datetime

from pynamodb.exceptions import PynamoDBException

from chalicelib.domain.errors import Conflict
from chalicelib.store.counters import CounterItem
from chalicelib.store.tables import is_condition_failure, store_errors


def find(worker: str) -> datetime | None:
    """Return the moment up to which the worker's work is done, None if it has not begun."""
    try:
        with store_errors():
            found: datetime = CounterItem.get(_key(worker), consistent_read=True).reached_at
            return found
    except CounterItem.DoesNotExist:
        return None


def advance(worker: str, before: datetime | None, reached_at: datetime) -> None:
    """Write down that the work is done up to a moment. Raise Conflict if a twin has moved it away from `before`."""
    mark = CounterItem(_key(worker))
    as_seen = CounterItem.reached_at == before if before else CounterItem.reached_at.does_not_exist()
    try:
        with store_errors():
            mark.update(actions=[CounterItem.reached_at.set(reached_at)], condition=as_seen)
    except PynamoDBException as e:
        if not is_condition_failure(e):
            raise
        raise Conflict(f"the worker {worker} runs twice") from e


def _key(worker: str) -> str:
    return f"watermark#{worker}"
