"""What tests at every level share."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings

# The same examples every time: a run of the suite says something about the code, not about luck.
settings.register_profile("crontopus", derandomize=True, deadline=None)
settings.load_profile("crontopus")


@pytest.fixture
def tables() -> Iterator[None]:
    """All tables of the application, empty."""
    from tests.tables import empty_tables

    with empty_tables():
        yield


@dataclass
class Calls:
    """What was asked of DynamoDB, in order."""

    names: list[str] = field(default_factory=list)

    def count(self, *names: str) -> int:
        return sum(1 for name in self.names if name in names)

    @property
    def reads(self) -> int:
        return self.count("GetItem", "BatchGetItem", "Query", "Scan")

    @property
    def writes(self) -> int:
        return self.count("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Counts the calls made through PynamoDB."""
    from pynamodb.connection.base import Connection

    seen = Calls()
    inner = Connection._make_api_call

    def counted(self: Connection, name: str, *arguments: Any, **more: Any) -> Any:
        seen.names.append(name)
        return inner(self, name, *arguments, **more)

    monkeypatch.setattr(Connection, "_make_api_call", counted)
    return seen
