"""Amounts of memory as people write them: 512M, 2G. Units are powers of 1024, as with ulimit and systemd."""

import re

_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_SIZE = re.compile(r"([1-9][0-9]{0,9})([KMG])(?:i|iB|B)?")


def in_bytes(text: str) -> int:
    """Return the bytes of an amount. Raise ValueError, in words, if it is not a number and a unit."""
    match = _SIZE.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no amount of memory; write a number and K, M or G, such as 512M")
    return int(match[1]) * _UNITS[match[2]]


def text_of(size_bytes: int) -> str:
    """Return the shortest way to write an amount of whole kibibytes: 524288 -> 512K, 1 << 30 -> 1G."""
    unit = next(unit for unit in ("G", "M", "K") if size_bytes % _UNITS[unit] == 0)
    return f"{size_bytes // _UNITS[unit]}{unit}"
