"""Lines of agents in what is not ours: other agents' blocks, and what earlier versions wrote.

# CRONTOPUS:nightly                                          the first marks: the job's name, in a comment above its line
0 1 * * * sh -c '(x) && ~/.crontopus/bin/checkin "nightly" "default" success || ...'
0 1 * * * ~/.crontopus/bin/run-job 5f0c... # CRONTOPUS:5f0c...   then its id, behind the line
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agent.placing import Wanted
from chalicelib.domain import crontab_marks, names

_MARKER = re.compile(rb"# (BEGIN|END) CRONTOPUS \S+")
_OLD_COMMENT = re.compile(rb"\s*#\s*CRONTOPUS:((?:[a-z0-9][-a-z0-9]*:)?[A-Za-z0-9][-\w. ]*?)\s*")
# What an agent of ours puts around a command, of whatever version.
_WRAPPED = re.compile(
    rb"\.crontopus/bin/(?:run-job|checkin)\b|/run-job (?:--guard )?CRONTOPUS:|/api/(?:runs/check-in|checkins?)\b"
)


@dataclass(frozen=True, slots=True)
class OldLine:
    """at: which row runs. indexes: the rows it consists of. name: of its job, or its id."""

    at: int
    indexes: tuple[int, ...]
    name: str

    def job_in(self, wanted: Mapping[str, Wanted]) -> str | None:
        """Return the id of the job that replaces it, None if none is scheduled here under that id or name."""
        if self.name in wanted:
            return self.name if wanted[self.name].job.is_scheduled else None
        namespace, _, name = self.name.rpartition(":")
        reference = f"{namespace or names.DEFAULT}/{name}"
        fits = [job_id for job_id, entry in wanted.items() if entry.job.reference == reference and entry.job.is_scheduled]
        return fits[0] if len(fits) == 1 else None


def is_wrapped(row: bytes) -> bool:
    """Tell whether a line reports by a program or address of ours already."""
    return _WRAPPED.search(row) is not None


def rows_of_other_agents(rows: Sequence[bytes | None]) -> frozenset[int]:
    """Return which rows stand in blocks, markers included. A block that is not closed ends with the table."""
    inside, found = False, set()
    for index, row in enumerate(rows):
        marker = _MARKER.fullmatch((row or b"").strip())
        if marker:
            inside = marker[1] == b"BEGIN"
        if marker or inside:
            found.add(index)
    return frozenset(found)


def old_lines(rows: Sequence[bytes | None], alien: Collection[int]) -> Iterator[OldLine]:
    """Yield the lines that bear a mark of an earlier version and run what only an agent writes."""
    for index, row in enumerate(rows):
        if row is None or b"CRONTOPUS:" not in row or index in alien:
            continue
        is_comment = row.lstrip().startswith(b"#")
        if not is_comment and is_wrapped(row) and (job_id := crontab_marks.id_of(row)):
            yield OldLine(index, (index,), job_id)
        elif is_comment and (found := _OLD_COMMENT.fullmatch(row)) and index + 1 < len(rows):
            below = rows[index + 1] or b""
            if is_wrapped(below) and not below.lstrip().startswith(b"#") and not crontab_marks.id_of(below):
                yield OldLine(index + 1, (index, index + 1), found[1].decode())
