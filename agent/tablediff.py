"""The change of a table, for people to read."""

import difflib


def diff(before: bytes, after: bytes) -> str:
    """Return the change as a unified diff, empty if there is none. What a terminal would obey is shown escaped."""
    old, new = (_shown(text).split("\n") for text in (before, after))
    return "\n".join(difflib.unified_diff(old, new, "crontab now", "crontab then", lineterm="", n=1))


def _shown(text: bytes) -> str:
    decoded = text.decode(errors="backslashreplace")
    return "".join(sign if sign.isprintable() or sign in "\n\t" else repr(sign)[1:-1] for sign in decoded)
