"""A crontab on bytes, line by line, as cron(8) reads it. Nothing is lost: the raw lines, joined, are the table."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

LineKind = Literal["job", "variable", "comment", "blank", "unknown"]
DEFAULT_SHELL = b"/bin/sh"
_VARIABLE = re.compile(rb"""[ \t]*([^\s='"#][^\s=]*|'[^']+'|"[^"]+")\s*=\s*(.*?)\s*""", re.DOTALL)
# Cron splits at blanks and tabs alone; a carriage return is a part of what it stands in.
_JOB = re.compile(rb"[ \t]*(@[A-Za-z]+|(?:[^ \t]+[ \t]+){4}[^ \t]+)[ \t]+(.+)", re.DOTALL)
_LOGIN = re.compile(rb"([^ \t]+)[ \t]+(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Line:
    """One line. number: from 1. raw: all of it but the newline.

    schedule, user, command: of a job, as they stand; user is empty where the table has no such column. The command ends where
    the line ends, blanks and carriage return included: that is what cron hands to the shell.
    name, value: of a variable.
    """

    number: int
    raw: bytes
    kind: LineKind
    schedule: bytes = b""
    user: bytes = b""
    command: bytes = b""
    name: bytes = b""
    value: bytes = b""


@dataclass(frozen=True, slots=True)
class Placed:
    """A job's line in its table. variables: those in force for it. above: the comment directly above it, empty without one."""

    line: Line
    variables: Mapping[bytes, bytes] = field(default_factory=dict)
    above: bytes = b""

    @property
    def shell(self) -> bytes:
        """Return what cron hands the command to."""
        return self.variables.get(b"SHELL", DEFAULT_SHELL)


def lines(table: bytes, *, has_users: bool = False) -> Iterator[Line]:
    """Yield the lines of a table. has_users: a login stands between schedule and command, as in /etc/crontab."""
    parts = table.split(b"\n")
    if not parts[-1]:
        parts.pop()
    for number, raw in enumerate(parts, 1):
        yield read_line(raw, number, has_users=has_users)


def read_line(raw: bytes, number: int = 1, *, has_users: bool = False) -> Line:
    """Return what a line, without its newline, is to cron."""
    bare = raw.lstrip(b" \t")
    if not bare.strip():
        return Line(number, raw, "blank")
    if bare.startswith(b"#"):
        return Line(number, raw, "comment")
    # Cron tries a variable first: `@x = 1` is one.
    if b"=" in bare and (found := _VARIABLE.fullmatch(raw)):
        return Line(number, raw, "variable", name=_bare(found[1]), value=_bare(found[2]))
    parts = _JOB.fullmatch(raw)
    if parts and has_users:
        login = _LOGIN.fullmatch(parts[2])
        return Line(number, raw, "job", parts[1], login[1], login[2]) if login else Line(number, raw, "unknown")
    return Line(number, raw, "job", parts[1], b"", parts[2]) if parts else Line(number, raw, "unknown")


def _bare(text: bytes) -> bytes:
    return text[1:-1] if len(text) > 1 and text[:1] == text[-1:] and text[:1] in (b"'", b'"') else text


def jobs(table: bytes, *, has_users: bool = False) -> Iterator[Placed]:
    """Yield the jobs of a table, each with what the lines above say about it."""
    variables: dict[bytes, bytes] = {}
    above = b""
    for line in lines(table, has_users=has_users):
        if line.kind == "variable":
            variables = {**variables, line.name: line.value}
        elif line.kind == "job":
            yield Placed(line, variables, above)
        above = line.raw if line.kind == "comment" else b""


def variables_at_end(table: bytes) -> dict[bytes, bytes]:
    """Return the variables that are in force for what follows a table."""
    return {line.name: line.value for line in lines(table) if line.kind == "variable"}
