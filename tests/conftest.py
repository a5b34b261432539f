"""What tests at every level share."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings

# The same examples every time: a run of the suite says something about the code, not about luck.
settings.register_profile("crontopus", derandomize=True, deadline=None)
settings.load_profile("crontopus")

# They share the package in build/ and start whole stacks: one after the other, while the rest runs beside them.
STACK_TESTS = ("tests/e2e/", "tests/functional/test_emulator", "tests/functional/test_template.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say what stays together where the suite runs in two processes: the files, and all tests of the stack."""
    for item in items:
        path = item.path.relative_to(item.config.rootpath).as_posix()
        item.add_marker(pytest.mark.xdist_group("stack" if path.startswith(STACK_TESTS) else path))
    # The stack's tests wait for the clock, so they begin first.
    items.sort(key=lambda item: not item.path.relative_to(item.config.rootpath).as_posix().startswith(STACK_TESTS))


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
