"""Templates for pages and mails: Jinja2, which only those who need it load."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent / "templates"


def render(name: str, **values: object) -> str:
    """Return the template `name`, a path below templates/, with these values.

    In .html every value is escaped; a value that the template names and nobody gave is an error.
    """
    return _environment().get_template(name).render(**values)


def text_of(name: str) -> str:
    """Return a file below templates/ as it is."""
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def _environment() -> "Environment":
    # 30 ms that a check-in need not wait for.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
