"""The change of a table, for people to read."""

import difflib

from agent.terminal import shown


def diff(before: bytes, after: bytes) -> str:
    """Return the change as a unified diff, empty if there is none. What a terminal would obey is shown escaped."""
    old, new = (shown(text.decode(errors="backslashreplace")).split("\n") for text in (before, after))
    return "\n".join(difflib.unified_diff(old, new, "crontab now", "crontab then", lineterm="", n=1))
