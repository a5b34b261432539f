"""What the commands print: results to stdout, as tables or JSON; everything else to stderr."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli import text
from cli.errors import problem_lines

Cell = str | Text | None

_COLOURS = {
    "success": "green",
    "scheduled": "green",
    "active": "green",
    "failure": "red",
    "timeout": "red",
    "offline": "red",
    "running": "yellow",
    "cancelled": "yellow",
    "skipped": "yellow",
    "paused": "yellow",
    "inactive": "yellow",
    "suspended": "yellow",
}
# A pipe has no width: lines are as long as their content.
_PIPE_WIDTH = 1_000_000
GAP = 2
MIN_FLEXIBLE_WIDTH = 12


@dataclass(frozen=True, slots=True)
class Column:
    """How a column gives way where the terminal is too narrow.

    is_extra: left out, the last one first. Then the one that is_flexible shrinks: its cells are folded, or cut if is_cut.
    """

    title: str
    is_extra: bool = False
    is_flexible: bool = False
    is_cut: bool = False


class Printer:
    """now, zone: for times in tables; zone None means this machine's."""

    def __init__(self, *, is_json: bool, no_color: bool, now: datetime, zone: tzinfo | None) -> None:
        self.is_json = is_json
        self.no_color = no_color
        self.now = now
        self.zone = zone

    def json(self, body: Mapping[str, object]) -> None:
        click.echo(text.visible_json(body))

    def line(self, line: str) -> None:
        click.echo(text.visible(line))

    def block(self, block: str) -> None:
        """Print text of many lines, made safe, as the last thing; it ends with one newline."""
        click.echo(text.visible_block(block).removesuffix("\n"))

    def document(self, content: str) -> None:
        """Print a file's content: safe on a terminal, unchanged into a pipe or file."""
        click.echo(text.visible_block(content) if sys.stdout.isatty() else content, nl=False)

    def note(self, line: str) -> None:
        """Say something beside the result."""
        click.echo(text.visible(line), err=True)

    def problems(self, heading: str, problems: Mapping[str, str]) -> None:
        self.note(heading)
        for line in problem_lines(problems):
            click.echo(line, err=True)

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> None:
        console = self._console()
        cells = [[_cell(cell) for cell in row] for row in rows]
        widths = [max([len(column.title), *(row[i].cell_len for row in cells)]) for i, column in enumerate(columns)]
        shown = _fitting(columns, widths, console.width)
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        for i in shown:
            column = columns[i]
            room = console.width - _total(widths, shown) + widths[i]
            limit = max(room, MIN_FLEXIBLE_WIDTH) if column.is_flexible and room < widths[i] else None
            overflow: Literal["ellipsis", "fold"] = "ellipsis" if column.is_cut else "fold"
            table.add_column(column.title, overflow=overflow, no_wrap=column.is_cut, max_width=limit)
        for row in cells:
            table.add_row(*(row[i] for i in shown))
        self._print(console, table)

    def facts(self, facts: Iterable[tuple[str, Cell]]) -> None:
        """Print one line per fact, names at the left. Facts that are None are left out."""
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in facts:
            if value is not None:
                table.add_row(name, _cell(value))
        self._print(self._console(), table)

    def ago(self, moment: str | None) -> str:
        return text.ago(moment, self.now, self.zone)

    def local(self, moment: str | None) -> str:
        return text.local(moment, self.now, self.zone)

    def _console(self) -> Console:
        width = None if sys.stdout.isatty() else _PIPE_WIDTH
        system = None if self.no_color else "auto"
        return Console(width=width, color_system=system, markup=False, emoji=False, highlight=False)  # type: ignore[arg-type]

    def _print(self, console: Console, table: Table) -> None:
        with console.capture() as capture:
            console.print(table)
        for line in capture.get().splitlines():
            click.echo(line.rstrip(), color=console.color_system is not None)


def status(word: object) -> Text:
    """Return a state as a word, in its colour where there are colours."""
    plain = text.visible(str(word))
    return Text().append(plain, style=_COLOURS.get(plain, ""))


def _cell(cell: Cell) -> Text:
    if isinstance(cell, Text):
        return cell
    return Text("-" if cell is None else text.visible(cell))


def _fitting(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """Return which columns to show: all, or as many of the extra ones as there is room for."""
    shown = list(range(len(columns)))
    for i in reversed(range(len(columns))):
        if columns[i].is_extra and _total(widths, shown) > room:
            shown.remove(i)
    return shown


def _total(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[i] + GAP for i in shown) - GAP
