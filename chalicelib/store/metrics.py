"""Counters of requests, all functions' together: one item in the counters table, one write a minute and function at most."""

from collections.abc import Mapping

from pynamodb.expressions.operand import Path

from chalicelib.store.counters import CounterItem
from chalicelib.store.tables import store_errors

_KEY = "metrics#requests"


def add(counts: Mapping[str, int]) -> None:
    """Add to each of these counters, in one write."""
    with store_errors():
        CounterItem(_KEY).update(actions=[Path([name]).add(count) for name, count in counts.items()])


def read() -> dict[str, int]:
    """Return all counters."""
    with store_errors():
        found = CounterItem._get_connection().get_item(_KEY).get("Item", {})
    return {name: int(value["N"]) for name, value in found.items() if name != "key"}
