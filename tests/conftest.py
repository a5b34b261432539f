"""What tests at every level share."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

# The same examples every time: a run of the suite says something about the code, not about luck.
settings.register_profile("crontopus", derandomize=True, deadline=None)
settings.load_profile("crontopus")

# A shell that starts the suite in the background lets it ignore what a terminal sends, and what tests start would inherit that.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, usual)

# They share the package in build/ and start whole stacks: one after the other, while the rest runs beside them.
STACK_TESTS = ("tests/e2e/", "tests/functional/test_emulator", "tests/functional/test_template.py")


# These share nothing with the stack, and wait for the clock beside it.
CRON_LABS = "tests/e2e/test_crons.py"
# One identity provider for all of them.
SSO_TESTS = "tests/functional/api/sso/"


class Together(LoadFileScheduling):
    """What one process tries where the suite runs in two: a file at a time, all tests of the stack, all with the provider.

    A scheduler of our own, since the marks that groups are made of change nothing with this pytest.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = str(super()._split_scope(nodeid))
        if path == CRON_LABS:
            return path
        return "stack" if path.startswith(STACK_TESTS) else "sso" if path.startswith(SSO_TESTS) else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the stack's tests, which wait for the clock, begin first."""
    items.sort(key=lambda item: not item.nodeid.startswith(STACK_TESTS))


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
