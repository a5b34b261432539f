"""The sheet of what ASVS asks names code and tests that are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHEET = (ROOT / "docs/security/asvs.md").read_text().partition("## Not met")[0]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in SHEET.splitlines() if re.match(r"\| \d", line)]


def names_in(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("number", "asks", "code", "test"), ROWS, ids=[row[0] for row in ROWS])
def test_a_requirement_is_answered_by_code_and_a_test_that_are_there(number: str, asks: str, code: str, test: str):
    path, _, name = test.strip("`").partition("::")

    assert asks
    assert (ROOT / code.strip("`")).is_file()
    assert name in names_in(ROOT / "tests" / path)


def test_requirements_stand_once_each_and_in_order():
    numbers = [tuple(int(part) for part in row[0].split(".")) for row in ROWS]

    assert len(numbers) > 60
    assert numbers == sorted(set(numbers))
