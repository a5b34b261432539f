"""What the agent writes into lines that are not its own, and how it is taken out again, byte for byte.

    0 5 * * * tidy --all # CRONTOPUS:5f0c...                        a line that was discovered
    # CRONTOPUS:5f0c... adopted: 0 5 * * * tidy --all               one that was adopted: cron reads a comment

Behind a command, cron reads no comments: the mark is handed to the shell, for which it is one. So a line bears a mark only
where the shell certainly sees it so, and where nothing of the line is input for the command (`%`).
"""

import re
from collections.abc import Collection, Iterator
from posixpath import basename

from chalicelib.domain.crontab_lines import Placed

# Debian's limit for a command; the longest that every cron of the vixie family takes.
MAX_COMMAND = 998
_UUID = rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_MARK = re.compile(rb" # CRONTOPUS:(%s)$" % _UUID)
_SET_ASIDE = re.compile(rb"# CRONTOPUS:(%s) adopted: (.*)" % _UUID, re.DOTALL)
_SHELLS = frozenset((b"sh", b"ash", b"dash", b"bash", b"ksh", b"mksh"))
# One backslash alone makes a percent sign itself. How many would be read otherwise differs between crons.
_INPUT = re.compile(rb"(?<!\\)%|\\\\%")
_QUOTES = re.compile(rb"""'[^']*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|\\.|(?<![^\s;&|()])\#.*""", re.DOTALL)


def id_of(raw: bytes) -> str | None:
    """Return whose mark stands behind a line, None without one. raw: without newline."""
    found = _MARK.search(raw)
    return found[1].decode() if found else None


def marked(raw: bytes, job_id: str) -> bytes:
    return raw + b" # CRONTOPUS:" + job_id.encode()


def unmarked(raw: bytes) -> bytes:
    """Return the line as it was before it was marked."""
    found = _MARK.search(raw)
    return raw[: found.start()] if found else raw


def set_aside(raw: bytes, job_id: str) -> bytes:
    """Return the comment that keeps the line of an adopted job. raw: with or without its mark."""
    return b"# CRONTOPUS:" + job_id.encode() + b" adopted: " + unmarked(raw)


def aside_of(raw: bytes) -> tuple[str, bytes] | None:
    """Return job and line that a comment keeps, None for any other line."""
    found = _SET_ASIDE.fullmatch(raw)
    return (found[1].decode(), found[2]) if found else None


def is_theirs(raw: bytes) -> bool:
    """Tell whether a line is somebody's with a mark of ours, or kept for somebody. raw: with or without newline."""
    return b"# CRONTOPUS:" in raw and (id_of(raw.removesuffix(b"\n")) or aside_of(raw.removesuffix(b"\n"))) is not None


def obstacle(job: Placed) -> str | None:
    """Return why a line is not to be marked, since that could change what runs; None where it cannot."""
    command = job.line.command
    if basename(job.shell) not in _SHELLS:
        return f"its SHELL is {job.shell.decode(errors='replace')}, which may not read the mark as a comment"
    if _INPUT.search(command):
        return "a % in it begins the command's input, of which the mark would be a part"
    if len(command) + len(marked(b"", "0" * 36)) > MAX_COMMAND:
        return f"with the mark its command would be longer than the {MAX_COMMAND} bytes that cron takes"
    if command.endswith(b"\\") or b"\0" in command or b"<<" in command or b"$'" in command or _open(command):
        return "a quote, a here-document or a backslash is open at its end"
    return None


def _open(command: bytes) -> bool:
    """Tell whether something may be open at the end of a command; what is odd counts as open."""
    rest = _QUOTES.sub(b" ", command)
    return any(sign in rest for sign in (b"'", b'"', b"`", b"\\")) or any(
        rest.count(first) > rest.count(last) for first, last in ((b"(", b")"), (b"{", b"}"))
    )


def plain(table: bytes, only: Collection[str] | None = None) -> bytes:
    """Return the table without anything that was written into lines of others: marks off, adopted lines back in place.

    only: the jobs whose lines are meant, None for all.
    A second comment that keeps the line of one job, or one whose line stands in the table as well, is a copy and stays: else
    the job would run twice.
    """
    if b"# CRONTOPUS:" not in table:
        return table
    rows = table.split(b"\n")
    seen = {job_id for raw in rows if not raw.lstrip().startswith(b"#") and (job_id := id_of(raw))}
    return b"\n".join(_plain_rows(rows, seen, only))


def _plain_rows(rows: list[bytes], seen: set[str], only: Collection[str] | None) -> Iterator[bytes]:
    for raw in rows:
        aside = aside_of(raw)
        if only is not None and (aside[0] if aside else id_of(raw)) not in only:
            yield raw
        elif aside is None:
            yield unmarked(raw)
        elif aside[0] in seen:
            yield raw
        else:
            seen.add(aside[0])
            yield aside[1]
