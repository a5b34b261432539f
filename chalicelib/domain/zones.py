"""Names of time zones: those of the IANA database, and no file that happens to lie beside them."""

import re
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z][A-Za-z0-9_+-]*){0,2}")
# What lies beside the zones in /usr/share/zoneinfo: links to what this machine is set to, and copies of all with leap seconds.
_NO_ZONES = frozenset({"localtime", "posixrules", "Factory", "posix", "right"})
MAX_LENGTH = 64


def name_problem(name: str) -> str | None:
    """Return why this cannot be a zone on any machine, or None."""
    if len(name) > MAX_LENGTH or not _NAME.fullmatch(name) or name.split("/")[0] in _NO_ZONES:
        return f"{name[:MAX_LENGTH]!r} is no zone's name; use an IANA name such as Europe/Paris"
    return None


def problem(name: str) -> str | None:
    """Return why this is no zone here, naming the nearest one that is, or None."""
    if found := name_problem(name):
        return found
    if is_known(name):
        return None
    near = get_close_matches(name, _known_names(), n=1)
    hint = f"did you mean {near[0]}?" if near else "use an IANA name such as Europe/Paris"
    return f"no zone {name!r}; {hint}"


def is_known(name: str) -> bool:
    """Tell whether this machine has the zone's rules."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@lru_cache(maxsize=1)
def _known_names() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))
