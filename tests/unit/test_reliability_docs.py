import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", (TESTS.parent / "docs" / "reliability.md").read_text())


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_every_test_that_the_guide_names_is_there(file: str) -> None:
    there = set(re.findall(r"^def (test_\w+)", (TESTS / file).read_text(), re.MULTILINE))

    assert {name for named, name in NAMED if named == file} <= there
