"""What the commands print: results to stdout, in the form that was asked for; everything else to stderr."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

import click
from rich.console import Console

from cli import formats, paging, tables, text
from cli.errors import problem_lines
from cli.tables import Cell, Colour, Column, Fact


@dataclass(frozen=True, slots=True)
class Look:
    """How results look. form: one of formats.FORMATS. query: JMESPath on the JSON. zone: None is this machine's.

    pager: the command to show long results with; `cat` is none. environ: what it inherits.
    """

    form: str = "table"
    query: str = ""
    colour: Colour = "auto"
    is_absolute: bool = False
    zone: tzinfo | None = None
    pager: str = "cat"
    environ: Mapping[str, str] = field(default_factory=dict)


class Printer:
    """now: what times in tables are relative to."""

    def __init__(self, look: Look, now: datetime) -> None:
        self.look = look
        self.now = now
        self._kept: list[str] = []

    @property
    def is_table(self) -> bool:
        """Tell whether a person reads the result, who is helped with words beside it."""
        return self.look.form in ("table", "wide") and not self.look.query

    def listing(
        self,
        body: Mapping[str, object],
        columns: Sequence[Column],
        rows: Iterable[Sequence[Cell]],
        *,
        empty: Sequence[str] = (),
    ) -> None:
        """Print a list. body: the whole answer. rows: looked at only for what is made of them. empty: said if none."""
        if self._is_data:
            self._data(body)
            return
        found = [list(row) for row in rows]
        if self.look.form == "csv":
            self._print(formats.as_csv([column.csv_name for column in columns], [_plain(row) for row in found]))
        elif self.look.form == "name":
            at = next(i for i, column in enumerate(columns) if column.is_name)
            self._lines(str(tables.plain(row[at])) for row in found)
        elif found:
            self._print(tables.table(self.console(), columns, found, is_whole=self.look.form == "wide"))
        else:
            for line in empty:
                self.note(line)

    def thing(self, body: Mapping[str, object], facts: Iterable[Fact], *, name: object, below: Iterable[str] = ()) -> None:
        """Print one thing. name: what other commands take. below: blocks of text under the facts, where a person reads."""
        if self._is_data:
            self._data(body)
        elif self.look.form == "name":
            self._lines([str(name)])
        elif self.look.form == "csv":
            self._print(_csv_of(facts))
        else:
            self._print(tables.facts(self.console(), facts))
            for block in below:
                self._print(text.visible_block(block).removesuffix("\n"))

    def event(self, body: Mapping[str, object], columns: Sequence[Column], row: Sequence[Cell]) -> None:
        """Print one thing of a stream, at once and on one line: JSON, CSV, its name, or its cells."""
        cells = [(column, cell) for column, cell in zip(columns, row, strict=True) if not column.is_wide or self._has_all]
        if self._is_data:
            found = formats.queried(self.look.query, body) if self.look.query else body
            self.say(f"---\n{formats.as_yaml(found)}" if self.look.form == "yaml" else "\n".join(formats.as_lines(found)))
        elif self.look.form == "name":
            self.say(str(next(tables.plain(cell) for column, cell in cells if column.is_name)))
        elif self.look.form == "csv":
            self.say(formats.as_csv([tables.plain(cell) or "" for _, cell in cells], []))
        else:
            self.say("  ".join(tables.plain(cell) or "-" for _, cell in cells))

    def say(self, block: str) -> None:
        """Print text of many lines, made safe, past the pager and at once: more of it is to come."""
        if block:
            click.echo(text.visible_block(block))

    def done(self, body: Mapping[str, object], line: str, *, name: object) -> None:
        """Say what a command did. name: what other commands call the thing it was done to."""
        if self._is_data:
            self._data(body)
        elif self.look.form == "csv":
            click.echo(formats.as_csv(["name", "result"], [[str(name), line]]))
        else:
            self.line(str(name) if self.look.form == "name" else line)

    def line(self, line: str) -> None:
        click.echo(text.visible(line))

    def block(self, block: str) -> None:
        """Print text of many lines, made safe; it ends with one newline."""
        self._print(text.visible_block(block).removesuffix("\n"))

    def diff(self, diff: str) -> None:
        """Print a unified diff, nothing if it is empty."""
        if diff:
            self._print(tables.diff(self.console(), text.visible_block(diff)))

    def document(self, content: str) -> None:
        """Print a file's content: safe on a terminal, unchanged into a pipe or file."""
        if sys.stdout.isatty():
            self.block(content)
        else:
            click.echo(content, nl=False)

    def file(self, body: Mapping[str, object], content: str) -> None:
        """Print a file's content, or the answer it came in where JSON or YAML is wanted."""
        if self._is_data:
            self._data(body)
        else:
            self.document(content)

    def note(self, line: str) -> None:
        """Say something beside the result."""
        click.echo(text.visible(line), err=True)

    def problems(self, heading: str, problems: Mapping[str, str]) -> None:
        self.note(heading)
        for line in problem_lines(problems):
            click.echo(line, err=True)

    def ago(self, moment: str | None, never: str = "-") -> str | None:
        """Return a moment for a cell: as seen from now, or in full where that was asked for. never: for none."""
        if self.look.form == "csv":
            return moment
        if moment is None:
            return never
        if self.look.is_absolute:
            return text.full(moment, self.look.zone)
        return text.ago(moment, self.now, self.look.zone)

    def local(self, moment: str | None) -> str | None:
        """Return a moment in full, and as seen from now."""
        if self.look.form == "csv":
            return moment
        if self.look.is_absolute and moment:
            return text.full(moment, self.look.zone)
        return text.local(moment, self.now, self.look.zone)

    def took(self, duration_ms: int | None) -> str | None:
        """Return a span for a cell; in CSV it is the number of milliseconds."""
        if self.look.form == "csv":
            return None if duration_ms is None else str(duration_ms)
        return text.took(duration_ms)

    def close(self) -> None:
        """Show what was kept for the pager."""
        kept, self._kept = "\n".join(self._kept), []
        if kept and not paging.page(f"{kept}\n", self.look.pager, self.look.environ):
            self.note(f"warning: cannot start the pager {self.look.pager!r}")
            click.echo(kept, color=True)

    @property
    def _has_all(self) -> bool:
        return self.look.form in ("wide", "csv")

    @property
    def _is_data(self) -> bool:
        return self.look.form in ("json", "yaml") or bool(self.look.query)

    def _data(self, body: Mapping[str, object]) -> None:
        found = formats.queried(self.look.query, body) if self.look.query else body
        if self.look.form == "name":
            self._lines(formats.as_lines(found))
        else:
            self._print(formats.as_yaml(found) if self.look.form == "yaml" else formats.as_json(found))

    def _lines(self, lines: Iterable[str]) -> None:
        if shown := "\n".join(text.visible(line) for line in lines):
            self._print(shown)

    def console(self) -> Console:
        return tables.console(self.look.colour)

    def _print(self, block: str) -> None:
        if self.look.pager != "cat" and sys.stdout.isatty():
            self._kept.append(block)
        else:
            # What is coloured was coloured on purpose; click would take it off on a pipe.
            click.echo(block, color=True)


def _plain(row: Sequence[Cell]) -> list[str | None]:
    return [tables.plain(cell) for cell in row]


def _csv_of(facts: Iterable[Fact]) -> str:
    """Return one row. Facts of one name share a field."""
    fields: dict[str, str] = {}
    for title, cell in facts:
        name, value = tables.csv_name(title), tables.plain(cell) or ""
        fields[name] = f"{fields[name]}; {value}" if fields.get(name) else value
    return formats.as_csv(list(fields), [list(fields.values())])
