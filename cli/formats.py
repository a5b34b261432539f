"""The forms that a result can have beside a table: JSON, YAML, CSV, and what a JMESPath expression finds in it."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import click
import yaml

from cli import text

FORMATS = ("table", "wide", "json", "yaml", "name", "csv")

# What a spreadsheet takes for the beginning of a formula. Source: OWASP, CSV injection.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Dumper(yaml.SafeDumper):
    """Text of many lines stands as a block, nothing is abbreviated with an alias."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    # What ends in empty lines would lose them with the last newline of the document.
    is_block = "\n" in value.strip("\n") and not value.endswith("\n\n")
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if is_block else None)


_Dumper.add_representer(str, _represent_text)


def as_json(value: object) -> str:
    return text.visible_json(value)


def as_yaml(value: object) -> str:
    """Return YAML without a newline at its end, in which every character that could command a terminal is escaped."""

    def dumped(*, allow_unicode: bool) -> str:
        return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=allow_unicode, width=1000))

    shown = dumped(allow_unicode=True)
    is_safe = all(text.visible(line) == line for line in shown.split("\n"))
    return (shown if is_safe else dumped(allow_unicode=False)).removesuffix("\n").removesuffix("\n...")


def as_csv(header: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    """Return CSV (RFC 4180, but with plain newlines) that no spreadsheet takes for formulas; None is an empty field."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_harmless(value) for value in row] for row in rows)
    return written.getvalue().removesuffix("\n")


def _harmless(value: str | None) -> str:
    if not value:
        return ""
    return text.visible(f"'{value}" if value.startswith(_FORMULA) else value)


@lru_cache
def refuse_query(expression: str) -> None:
    """Raise click.UsageError if this is no JMESPath expression."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        jmespath.compile(expression)
    except JMESPathError as e:
        raise click.UsageError(f"--query: {e}") from e


def queried(expression: str, body: Mapping[str, object]) -> Any:
    """Return what the expression finds, None if nothing. Raise click.UsageError if it does not fit what it looks at."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(expression, body)
    except JMESPathError as e:
        raise click.UsageError(f"--query: {e}") from e


def as_lines(value: object) -> list[str]:
    """Return what a query found as plain lines: one for each item of a list, JSON for what is no plain value."""
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    return [text.visible(item) if isinstance(item, str) else text.visible_json(item, indent=None) for item in items]
