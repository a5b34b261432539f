"""What can go wrong for a person at the prompt, drawn as one tree. The class decides how the program ends.

    Failure          1
    +-- NotFound     3
    +-- Denied       4
    +-- Conflict     5
    +-- Unavailable  6
    +-- Invalid      7

Click adds its own UsageError (2); Ctrl-C (130) and a closed pipe (141) are main's.
"""

from collections.abc import Mapping, Sequence
from typing import IO, Any

import click

from cli.text import visible, visible_block

EXIT_CODES = {
    0: "done",
    1: "it failed; after a diff: something differs",
    2: "the command was not understood; after a diff: it failed; after a plan: something would change",
    3: "there is no such thing",
    4: "not logged in, or not allowed",
    5: "conflict: it exists already, or someone else changed it",
    6: "the API cannot be reached, is busy or limits you; trying again later helps",
    7: "the API or a manifest check refused what was given",
    130: "interrupted with Ctrl-C",
    141: "whoever read the output stopped reading",
}


class Failure(click.ClickException):
    """An error that ends the program with a message and no traceback.

    problems: path of the field -> what is wrong with it. hints: what to do now, a line each.
    retry_after_s: how long a limit asks to wait; None if it was no limit. code: the API's own word, empty if it has none.
    """

    retry_after_s: int | None = None
    code: str = ""

    def __init__(
        self, message: str, *, problems: Mapping[str, str] | None = None, hints: Sequence[str] = (), request_id: str = ""
    ) -> None:
        super().__init__(message)
        self.problems = dict(problems or {})
        self.hints = tuple(hints)
        self.request_id = request_id

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo("\n".join(self.lines()), file=file, err=True)

    def lines(self) -> list[str]:
        """Return what is printed; everything that came from elsewhere is made safe for a terminal."""
        lines = [f"Error: {visible_block(self.message)}", *problem_lines(self.problems)]
        lines += [f"  {visible(hint)}" for hint in self.hints]
        if self.request_id:
            lines.append(f"  request id {visible(self.request_id)}")
        return lines


class NotFound(Failure):
    exit_code = 3


class Denied(Failure):
    exit_code = 4


class Conflict(Failure):
    exit_code = 5


class Unavailable(Failure):
    exit_code = 6


class Invalid(Failure):
    exit_code = 7


def problem_lines(problems: Mapping[str, str]) -> list[str]:
    """Return one line per field, as in `  spec.schedule: needs 5 fields`."""
    return [f"  {visible(path)}: {visible(problem)}" for path, problem in problems.items()]
