"""What is shown to a person."""

from collections.abc import Mapping
from typing import TextIO


def shown(text: str) -> str:
    """Return the text with what a terminal would obey, or what turns writing around, escaped; newlines and tabs stay."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else repr(sign)[1:-1] for sign in text)


def is_coloured(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Tell whether colours help: a person's terminal that can show them, and nobody said no (https://no-color.org)."""
    # There is none where a program was started with its output closed.
    return stream is not None and stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM", "") != "dumb"
