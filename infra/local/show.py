"""What `make up` shows: one line per step, live on a terminal, plain text elsewhere. Standard library only."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class Step:
    """The line of one step while it runs."""

    def __init__(self, show: "Show", title: str) -> None:
        self._show = show
        self._title = title
        self.result = ""

    def done(self, result: str) -> None:
        """Say what came of the step; shown behind its title when it ends."""
        self.result = result

    def now(self, text: str, counting: str = "") -> None:
        """Show what the step is doing at this moment, in place of what it did before.

        counting: what changes all the time, such as seconds; left out where a line cannot be replaced.
        """
        self._show.replace_line(f"  · {self._title}: {text}", counting)

    def note(self, text: str) -> None:
        """Show a line that stays."""
        self._show.line(f"    {text}")


class Show:
    """The steps, in order, with a tick and the seconds each took."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._live = out.isatty()
        self._shown = ""

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        step = Step(self, title)
        started = time.monotonic()
        if self._live:
            self.replace_line(f"  · {title}")
        try:
            yield step
        except BaseException:
            self.line(f"  ✗ {title}")
            raise
        result = f": {step.result}" if step.result else ""
        self.line(f"  ✓ {title}{result}  ({time.monotonic() - started:.1f} s)")

    def line(self, text: str = "") -> None:
        """Show a line for good."""
        if self._live:
            self._out.write("\r\x1b[K")
        self._out.write(f"{text}\n")
        self._out.flush()
        self._shown = ""

    def replace_line(self, text: str, counting: str = "") -> None:
        """Show a line that the next one replaces; where nothing can be replaced, show `text` once."""
        if self._live:
            # A line that wraps could not be replaced.
            width = shutil.get_terminal_size().columns - 1
            self._out.write(f"\r\x1b[K{text + counting:.{width}}")
        elif text != self._shown:
            self._out.write(f"{text}\n")
        self._out.flush()
        self._shown = text
