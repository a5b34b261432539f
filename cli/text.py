"""Spans, moments and text from elsewhere, the way a person reads them."""

import json
import re
import unicodedata
from datetime import datetime, tzinfo

from chalicelib.domain import times

# Joiners hold emoji and Indic words together and do nothing to a terminal.
_HARMLESS = "\u200c\u200d"
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_COLOUR_CODE = re.compile(r"\x1b\[[0-9;:]*m")


def visible(text: str) -> str:
    r"""Return the text as one line that cannot command a terminal: ESC becomes `\x1b`, a newline `\n`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(char) if _is_unsafe(char) else char for char in text)


def visible_block(text: str) -> str:
    """Return text of many lines that cannot command a terminal. Colour codes go; other control characters are spelled out."""
    lines = _COLOUR_CODE.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join("\t".join(visible(part) for part in line.split("\t")) for line in lines)


def visible_json(value: object, *, indent: int | None = 2) -> str:
    """Return JSON in which every character that could command a terminal is escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return "".join(json.dumps(char)[1:-1] if char != "\n" and _is_unsafe(char) else char for char in text)


def _is_unsafe(char: str) -> bool:
    return unicodedata.category(char) in _UNSAFE_CATEGORIES and char not in _HARMLESS


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def took(duration_ms: int | None) -> str:
    """Return a span for a table: 350ms, 1.2s, 2m05s, 1h02m; `-` where it is not known."""
    if duration_ms is None:
        return "-"
    if duration_ms < 1000:
        return f"{duration_ms}ms"
    if duration_ms < 60_000:
        return f"{duration_ms // 100 / 10}s"
    minutes, seconds = divmod(duration_ms // 1000, 60)
    if minutes < 60:
        return f"{minutes}m{seconds:02}s"
    return f"{minutes // 60}h{minutes % 60:02}m"


def ago(moment: str | None, now: datetime, zone: tzinfo | None) -> str:
    """Return an RFC 3339 moment as seen from `now`: 12s ago, in 3h; a date beyond 30 days; `-` for None.

    zone: None means the zone of this machine. What is no moment comes back as it is.
    """
    found = _read(moment)
    if moment is None or found is None:
        return visible(moment or "-")
    seconds = (now - found).total_seconds()
    if abs(seconds) >= 30 * 86400:
        return found.astimezone(zone).date().isoformat()
    span = _coarse(abs(int(seconds)))
    return f"in {span}" if seconds <= -1 else f"{span} ago"


def local(moment: str | None, now: datetime, zone: tzinfo | None) -> str:
    """Return a moment in full: `2026-11-20 14:03:05+01:00 (3m ago)`."""
    if _read(moment) is None:
        return visible(moment or "-")
    return f"{full(moment, zone)} ({ago(moment, now, zone)})"


def full(moment: str | None, zone: tzinfo | None) -> str:
    """Return a moment with its date and offset: `2026-11-20 14:03:05+01:00`."""
    found = _read(moment)
    return found.astimezone(zone).isoformat(sep=" ", timespec="seconds") if found else visible(moment or "-")


def _coarse(seconds: int) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _read(moment: str | None) -> datetime | None:
    try:
        return times.from_text(moment) if moment else None
    except (ValueError, OverflowError):
        return None
