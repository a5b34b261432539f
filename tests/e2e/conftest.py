"""The local stack as `make up` starts it, with the packaged application, in a folder of its own and on free ports."""

import sys
from collections.abc import Iterator

import pytest

from infra.local.layout import Layout
from infra.local.show import Show
from infra.local.stack import Stack
from infra.local.up import start_stack
from tests.fixtures.free_ports import free_ports


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(Layout(tmp_path_factory.mktemp("stack")), free_ports())
    try:
        start_stack(Show(sys.stderr), stack)
        yield stack
    finally:
        stack.stop()
