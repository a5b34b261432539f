"""A crontab without what is private in it: schedules stay, commands become how long they are."""

import re

from chalicelib.domain import crontab_lines, crontab_marks
from chalicelib.domain.crontab_lines import Line

_OURS = re.compile(rb"/[^\s%]*/run-job(?: --guard)? CRONTOPUS:[0-9a-f-]{36}")
_MARKER = re.compile(rb"# (?:BEGIN|END) CRONTOPUS \S+")


def shapes(table: bytes) -> str:
    """Return the table line by line. What the agent wrote itself stays whole: it holds ids alone."""
    return "".join(f"{_shape(line)}\n" for line in crontab_lines.lines(table))


def _shape(line: Line) -> str:
    if _MARKER.fullmatch(line.raw.strip()):
        return _text(line.raw)
    if line.kind == "blank":
        return ""
    mark = crontab_marks.id_of(line.raw)
    end = f" # CRONTOPUS:{mark}" if mark else ""
    if line.kind == "comment":
        return f"# [comment, {len(line.raw)} bytes]{end}"
    if line.kind == "variable":
        return f"{_text(line.name)}=[{len(line.value)} bytes]"
    if line.kind == "job":
        is_ours = _OURS.fullmatch(line.command.strip())
        return _text(line.raw) if is_ours else f"{_text(line.schedule)} [command, {len(line.command)} bytes]{end}"
    return f"[no line that cron reads, {len(line.raw)} bytes]"


def _text(raw: bytes) -> str:
    return raw.decode("ascii", errors="backslashreplace")
