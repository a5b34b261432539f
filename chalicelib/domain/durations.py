"""Spans of time as people write them: 90s, 30m, 2h, 1d."""

import re
from functools import lru_cache

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])")


def seconds(text: str) -> int:
    """Return the seconds of a span. Raise ValueError, in words, if it is not a number and a unit."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no duration; write a number and s, m, h or d, such as 90s or 2h")
    return int(match[1]) * _UNITS[match[2]]


@lru_cache(maxsize=1024)
def text_of(span_s: int) -> str:
    """Return the shortest way to write a span: 90 -> 90s, 120 -> 2m."""
    unit = next(unit for unit in ("d", "h", "m", "s") if span_s % _UNITS[unit] == 0)
    return f"{span_s // _UNITS[unit]}{unit}"
