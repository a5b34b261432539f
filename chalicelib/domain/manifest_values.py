"""The rules for single values of a manifest. Each takes what YAML gave and returns what the job holds, or raises ValueError in
words for the person who wrote it.
"""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from chalicelib.domain import durations, ids, names, schedule, sizes, zones

MAX_COMMAND_BYTES = 8 * 1024
MAX_ENV = 64
MAX_ENV_BYTES = 4 * 1024
MAX_ARGS = 256
MAX_ARG_BYTES = 8 * 1024
MAX_LIST = 32
MAX_KEY = 253
YEAR_S = 365 * 86400
_LOGIN = re.compile(r"[a-z_][a-z0-9_-]{0,30}[a-z0-9_$-]?")

Rule = Callable[[Any], Any]


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text; put {value!r} in quotes" if isinstance(value, int | float) else "must be text")
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def choice(*words: str) -> Rule:
    """Return the rule for one of a few words."""

    def read(value: Any) -> str:
        if value in words:
            return str(value)
        near = get_close_matches(str(value), words, n=1)
        raise ValueError(f"must be one of {', '.join(words)}" + (f"; did you mean {near[0]}?" if near else ""))

    return read


def whole(low: int, high: int, what: str = "a whole number") -> Rule:
    """Return the rule for an integer in a range."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be {what} from {low} to {high}")
        return value

    return read


def command(value: Any) -> str:
    if not text(value).strip():
        raise ValueError("must not be empty")
    if len(value.encode()) > MAX_COMMAND_BYTES:
        raise ValueError(f"at most {MAX_COMMAND_BYTES} bytes; put longer programs into a file")
    if "\0" in value:
        raise ValueError("must not hold a NUL byte")
    return str(value)


def name(value: Any) -> str:
    if problem := names.name_problem(text(value)):
        raise ValueError(problem)
    return str(value)


def job_reference(value: Any) -> str:
    parts = text(value).split("/")
    if len(parts) > 2 or any(names.name_problem(part) for part in parts):
        raise ValueError(f"{value!r} is no job's name; write NAME, or NAMESPACE/NAME for a job of another namespace")
    return str(value)


def uuid4(value: Any) -> str:
    if not ids.is_uuid(text(value), 4):
        raise ValueError("must be a UUID of version 4 in lower case; leave it out and one is made")
    return str(value)


def cron(value: Any) -> str:
    if problem := schedule.problem(text(value)):
        raise ValueError(problem)
    return str(value)


def zone(value: Any) -> str:
    if problem := zones.name_problem(text(value)):
        raise ValueError(problem)
    return str(value)


def login(value: Any) -> str:
    if not _LOGIN.fullmatch(text(value)):
        raise ValueError("must be a login name: lower-case letters, digits, _ and -, at most 32 characters")
    return str(value)


ABSOLUTE = r"^(/|[A-Za-z]:[\\/]|\\\\)"
SHELLS = ("cmd", "powershell", "pwsh")


def absolute_path(value: Any) -> str:
    """Return a path of Unix or of Windows (C:\\..., \\\\server\\...) as it stands."""
    if not re.match(ABSOLUTE, text(value)) or "\0" in value:
        raise ValueError("must be an absolute path")
    return str(value)


def shell(value: Any) -> str:
    """Return a shell's path, or the name of one that Windows knows."""
    if text(value) in SHELLS:
        return str(value)
    try:
        return absolute_path(value)
    except ValueError as e:
        raise ValueError(f"must be an absolute path, or on Windows {', '.join(SHELLS)}") from e


def duration(low_s: int = 1, high_s: int = YEAR_S) -> Rule:
    """Return the rule for a span of time in a range; the job holds seconds."""

    def read(value: Any) -> int:
        span_s = durations.seconds(text(value))
        if not low_s <= span_s <= high_s:
            raise ValueError(f"must be from {durations.text_of(low_s)} to {durations.text_of(high_s)}, this is {value}")
        return span_s

    return read


def memory(value: Any) -> int:
    size = sizes.in_bytes(text(value))
    if not 16 << 20 <= size <= 1 << 50:
        raise ValueError(f"must be from 16M to 1048576G, this is {value}; no program starts with less than 16M")
    return size


def arguments(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError("must be a list")
    if len(value) > MAX_ARGS:
        raise ValueError(f"at most {MAX_ARGS} arguments")
    if any("\0" in text(item) for item in value):
        raise ValueError("must not hold a NUL byte")
    if any(len(item.encode()) > MAX_ARG_BYTES for item in value):
        raise ValueError(f"at most {MAX_ARG_BYTES} bytes for one argument")
    return tuple(value)


def list_of(item: Rule) -> Rule:
    """Return the rule for a short list without repetitions."""

    def read(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValueError("must be a list")
        if len(value) > MAX_LIST:
            raise ValueError(f"at most {MAX_LIST} entries, this has {len(value)}")
        found = tuple(item(entry) for entry in value)
        if len(set(found)) < len(found):
            raise ValueError(f"{next(entry for entry in found if found.count(entry) > 1)!r} stands twice")
        return found

    return read


def text_map(limit: int) -> Rule:
    """Return the rule for a map of text to text with at most `limit` entries."""

    def read(value: Any) -> dict[str, str]:
        for key, item in _entries(value, limit).items():
            if not isinstance(item, str):
                raise ValueError(f"the value of {key} must be text; put it in quotes")
        return dict(value)

    return read


def _entries(value: Any, limit: int) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("must be a map")
    if len(value) > limit:
        raise ValueError(f"at most {limit} entries, this has {len(value)}")
    for key in value:
        if not key or len(key) > MAX_KEY:
            raise ValueError(f"keys have 1 to {MAX_KEY} characters")
    return value


def selector(value: Any) -> dict[str, tuple[str, ...]]:
    """Return fact or label -> the values it may have."""
    found: dict[str, tuple[str, ...]] = {}
    for key, item in _entries(value, MAX_LIST).items():
        values = item if isinstance(item, list) else [item]
        if not values or len(values) > MAX_LIST:
            raise ValueError(f"{key} must have 1 to {MAX_LIST} values")
        if not all(isinstance(entry, str) for entry in values):
            raise ValueError(f"the value of {key} must be text or a list of texts; put numbers and true or false in quotes")
        found[key] = tuple(values)
    return found


def environment(value: Any) -> dict[str, str]:
    values: dict[str, str] = text_map(MAX_ENV)(value)
    for key, item in values.items():
        if not key.replace("_", "a").isalnum() or not key.isascii() or key[0].isdigit():
            raise ValueError(f"{key!r} is no name of a variable: letters, digits and _ only, no digit first")
        if key.startswith("CRONTOPUS_"):
            raise ValueError(f"{key!r}: names that begin with CRONTOPUS_ are ours")
        if len(item.encode()) > MAX_ENV_BYTES or "\0" in item:
            raise ValueError(f"the value of {key} must be at most {MAX_ENV_BYTES} bytes and hold no NUL")
    return values
