"""Tables and lists of facts, for a terminal of any width and for pipes."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli import text

Cell = str | Text | None
Fact = tuple[str, Cell]
Colour = Literal["auto", "always", "never"]

_COLOURS = {
    "success": "green",
    "scheduled": "green",
    "active": "green",
    "healthy": "green",
    "yes": "green",
    "created": "green",
    "added": "green",
    "changed": "yellow",
    "removed": "red",
    "updated": "green",
    "moved": "green",
    "failed": "red",
    "ok": "green",
    "failure": "red",
    "timeout": "red",
    "offline": "red",
    "warning": "red",
    "no": "red",
    "running": "yellow",
    "cancelled": "yellow",
    "skipped": "yellow",
    "paused": "yellow",
    "inactive": "yellow",
    "degraded": "yellow",
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
    is_wide: only where the person asked for all there is. is_name: what other commands take; all that `-o name` prints.
    key: its name in CSV, by default made of the title.
    """

    title: str
    is_extra: bool = False
    is_flexible: bool = False
    is_cut: bool = False
    is_wide: bool = False
    is_name: bool = False
    key: str = ""

    @property
    def csv_name(self) -> str:
        return self.key or csv_name(self.title)


def csv_name(title: str) -> str:
    return title.lower().replace(" ", "_").replace("-", "_")


def status(word: object) -> Text:
    """Return a state as a word, in its colour where there are colours."""
    plain = text.visible(str(word))
    return Text().append(plain, style=_COLOURS.get(plain, ""))


def plain(cell: Cell) -> str | None:
    return cell.plain if isinstance(cell, Text) else cell


def console(colour: Colour) -> Console:
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    system = {"auto": "auto", "always": "standard", "never": None}[colour]
    is_forced = True if colour == "always" else None
    return Console(
        width=width,
        color_system=system,  # type: ignore[arg-type]
        force_terminal=is_forced,
        markup=False,
        emoji=False,
        highlight=False,
    )


def table(on: Console, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, is_whole: bool) -> str:
    """Return the lines of a table; see `drawn`."""
    return _lines(on, drawn(on, columns, rows, is_whole=is_whole))


def drawn(on: Console, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, is_whole: bool) -> Table:
    """Return a table that fits this console. is_whole: with every column, however narrow it is."""
    cells = [[_cell(cell) for cell in row] for row in rows]
    widths = [max([len(column.title), *(row[i].cell_len for row in cells)]) for i, column in enumerate(columns)]
    shown = list(range(len(columns))) if is_whole else _fitting(columns, widths, on.width)
    found = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for i in shown:
        column = columns[i]
        room = on.width - _total(widths, shown) + widths[i]
        limit = max(room, MIN_FLEXIBLE_WIDTH) if column.is_flexible and room < widths[i] else None
        overflow: Literal["ellipsis", "fold"] = "ellipsis" if column.is_cut else "fold"
        found.add_column(column.title, overflow=overflow, no_wrap=column.is_cut, max_width=limit)
    for row in cells:
        found.add_row(*(row[i] for i in shown))
    return found


def facts(on: Console, found: Iterable[Fact]) -> str:
    """Return one line per fact, names at the left. Facts that are None are left out."""
    drawn = Table.grid(padding=(0, 2))
    drawn.add_column(no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in found:
        if value is not None:
            drawn.add_row(name, _cell(value))
    return _lines(on, drawn)


def diff(on: Console, lines: str) -> str:
    """Return a unified diff in its usual colours."""
    styles = {"+++": "bold", "---": "bold", "@@": "cyan", "+": "green", "-": "red"}
    drawn = Text()
    for line in lines.removesuffix("\n").split("\n"):
        style = next((style for start, style in styles.items() if line.startswith(start)), "")
        drawn.append(f"{line}\n", style=style)
    with on.capture() as capture:
        on.print(drawn, soft_wrap=True, end="")
    return capture.get().removesuffix("\n")


def _lines(on: Console, drawn: Table) -> str:
    with on.capture() as capture:
        on.print(drawn)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _cell(cell: Cell) -> Text:
    if isinstance(cell, Text):
        return cell
    return Text("-" if cell is None else text.visible(cell))


def _fitting(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """Return which columns to show: all but those for `wide`, or as many of the extra ones as there is room for."""
    shown = [i for i, column in enumerate(columns) if not column.is_wide]
    for i in reversed(range(len(columns))):
        if columns[i].is_extra and i in shown and _total(widths, shown) > room:
            shown.remove(i)
    return shown


def _total(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[i] + GAP for i in shown) - GAP
