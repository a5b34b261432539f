"""Scopes: what an API token may do. A person's own session may do everything."""

from collections.abc import Collection
from typing import Literal, get_args

Scope = Literal[
    "read:runs",
    "read:jobs",
    "write:jobs",
    "read:endpoints",
    "write:endpoints",
    "read:alerts",
    "write:alerts",
    "read:tenant",
    "admin:tenant",
    "admin:tokens",
    "admin:*",
]

SCOPES: tuple[Scope, ...] = get_args(Scope)
# Everything, and what will be added later too.
ALL: frozenset[Scope] = frozenset({"admin:*"})


def missing(held: Collection[Scope], needed: Collection[Scope]) -> tuple[Scope, ...]:
    """Return which of the needed scopes the held ones do not give, sorted. `admin:*` gives every scope and itself.

    No scope gives another one: who writes and wants to read holds both.
    """
    return () if "admin:*" in held else tuple(sorted(set(needed) - set(held)))
