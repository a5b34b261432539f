"""Our block in a crontab, on bytes: what stands outside it comes out as it went in.

    # BEGIN CRONTOPUS <endpoint>
    */5 * * * * /home/u/.crontopus/bin/run-job CRONTOPUS:5f0c...
    # END CRONTOPUS <endpoint>

People edit this table by hand, so a marker may be missing and a block may stand twice. Then only what we are known to have
written counts as ours; a line nobody can place stays where it is.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache

from agent.schedulers.base import Actual, Item, Known
from chalicelib.domain import crontab_marks

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_MARKER = re.compile(rb"# (BEGIN|END) CRONTOPUS (\S+)")
# Behind a "# " it marks a line that is not ours.
_MARK = re.compile(rb"(?<!# )\bCRONTOPUS:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b")
_OTHER_BLOCKS = re.compile(rb"(?:# BEGIN CRONTOPUS (\S+)\n(?:[^#\n][^\n]*\n)*# END CRONTOPUS \1\n)*")
_BLANK = b" \t\r\n"


def find(raw: bytes, known: Known) -> Actual:
    """Return our lines and the foreign bytes of a table."""
    reading = _Reading(known)
    for line in _LINE.findall(raw):
        reading.take(line)
    return reading.result(raw)


def compose(foreign: bytes, lines: Sequence[bytes], endpoint_id: str, bare_foreign: str | None) -> bytes:
    """Return the table: the foreign bytes, then our block, which is left out where it would be empty.

    bare_foreign: see Known; where it fits and no block follows, the newline that we added goes again.
    """
    if not lines:
        is_added = foreign.endswith(b"\n") and digest(foreign[:-1]) == bare_foreign
        return foreign[:-1] if is_added else foreign
    return foreign + (b"\n" if _is_bare(foreign) else b"") + _text(lines, endpoint_id)


def stands(raw: bytes, foreign: bytes, lines: Sequence[bytes], endpoint_id: str) -> bool:
    """Tell whether the table is what `compose` makes, but for blocks of other agents that follow ours.

    Each of two agents of one user would else put its own block last, for ever.
    """
    before, block, after = raw.partition(_text(lines, endpoint_id))
    is_there = bool(lines and block) and (not before or before.endswith(b"\n"))
    return is_there and before + after == foreign and _OTHER_BLOCKS.fullmatch(after) is not None


def _text(lines: Sequence[bytes], endpoint_id: str) -> bytes:
    name = endpoint_id.encode()
    return b"\n".join([b"# BEGIN CRONTOPUS " + name, *lines, b"# END CRONTOPUS " + name, b""])


def _is_bare(foreign: bytes) -> bool:
    return bool(foreign) and not foreign.endswith(b"\n")


def digest(foreign: bytes) -> str:
    """Return under which name foreign bytes are remembered, whatever marks have come into their lines since."""
    return hashlib.sha256(crontab_marks.plain(foreign)).hexdigest()


# A round looks at every line twice, and the next round at nearly the same ones. The limit is two tables of cron's largest size.
@lru_cache(maxsize=20_000)
def item(line: bytes) -> Item:
    """Return a line of our block, without its end, with the job it names."""
    found = _MARK.search(line)
    return Item(line.removesuffix(b"\n"), found[1].decode() if found else None)


class _Reading:
    """One pass over a table. `inside`: whose block the current line stands in, None outside all of them."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.foreign: list[bytes] = []
        self.loose: set[int] = set()
        self.items: list[Item] = []
        self.pending: list[bytes] = []
        self.inside: str | None = None
        self.blocks = 0
        self.notes: list[str] = []

    def take(self, line: bytes) -> None:
        marker = _MARKER.fullmatch(line.strip(_BLANK))
        owner = marker[2].decode(errors="replace") if marker else None
        is_ours = owner in self.known.endpoint_ids
        if marker and marker[1] == b"BEGIN":
            self._begin(line, str(owner), is_ours)
        elif marker and is_ours:
            self._end(str(owner))
        elif self.inside in self.known.endpoint_ids and not marker:
            self.pending.append(line)
        else:
            self._close_torn(is_due=marker is not None)
            self._keep(line)
            if marker:
                self.inside = None

    def _begin(self, line: bytes, owner: str, is_ours: bool) -> None:
        self._close_torn(is_due=True)
        self.inside = owner
        if is_ours:
            self.blocks += 1
        else:
            self._keep(line)

    def _end(self, owner: str) -> None:
        if self.inside not in self.known.endpoint_ids:
            self.notes.append("our END marker stood without its BEGIN")
        # Somebody's line that was moved in between ours is somebody's still.
        theirs = [line for line in self.pending if b"# CRONTOPUS:" in line and crontab_marks.is_theirs(line)]
        self.foreign += theirs
        self.items += [item(line) for line in self.pending if not theirs or line not in theirs]
        self.pending = []
        self.inside = None

    def _close_torn(self, *, is_due: bool) -> None:
        """End a block of ours whose END is missing: it reaches as far as lines bear a mark, the rest is not ours."""
        if not is_due or self.inside not in self.known.endpoint_ids:
            return
        self.notes.append("the END marker of our block was missing")
        ours = list(_leading_marked(self.pending))
        self.items += [item(line) for line in ours]
        self.inside = None
        for line in self.pending[len(ours) :]:
            self._keep(line)
        self.pending = []

    def _keep(self, line: bytes) -> None:
        if self.inside is None:
            self.loose.add(len(self.foreign))
        self.foreign.append(line)

    def result(self, raw: bytes) -> Actual:
        self._close_torn(is_due=True)
        if self.blocks > 1:
            self.notes.append(f"our block stood {self.blocks} times")
        if self.notes:
            self._gather_strays(frozenset())
        elif self.blocks == 0 and self.known.lines:
            self._gather_strays(self.known.left_outside)
        outside = self._outside()
        moved = {job_id: self.foreign[index].strip(_BLANK) for job_id, index in outside.items()}
        self._take(index for job_id, index in outside.items() if job_id not in self.known.left_outside)
        foreign = b"".join(self.foreign)
        # As long as our block stands, what is remembered of the table it was put into holds.
        remembered = self.known.bare_foreign if self.items else None
        bare = digest(foreign) if _is_bare(foreign) else remembered
        return Actual(raw, foreign, tuple(self.items), tuple(self.notes), bare, moved)

    def _gather_strays(self, besides: Collection[str]) -> None:
        """Take back lines that lost their markers, if they are letter for letter what we wrote. besides: jobs to leave."""
        written = {line for job_id, line in self.known.lines.items() if job_id not in besides}
        strays = {index for index in self.loose if self.foreign[index].strip(_BLANK) in written}
        if strays:
            self._take(strays)
            self.notes.append(f"{len(strays)} of our lines stood outside our block")

    def _outside(self) -> dict[str, int]:
        """Return where jobs without a line in our block have one outside all blocks: one that makes our very call."""
        present = {one.job_id for one in self.items}
        missing = {job_id: line for job_id, line in self.known.lines.items() if job_id not in present}
        found: dict[str, int] = {}
        for index in sorted(self.loose) if missing else ():
            line = self.foreign[index]
            mark = _MARK.search(line) if b"CRONTOPUS:" in line and line.lstrip()[:1] != b"#" else None
            job_id = mark[1].decode() if mark else ""
            if job_id in missing and job_id not in found and _call(line) == _call(missing[job_id]):
                found[job_id] = index
        return found

    def _take(self, indexes: Iterable[int]) -> None:
        """Make these foreign lines ours. Their places stay, empty, so that what is known by its place stays known."""
        for index in sorted(indexes):
            self.items.append(item(self.foreign[index]))
            self.foreign[index] = b""


def _call(line: bytes) -> list[bytes]:
    """Return what a line runs, whether it asks for the guard or not."""
    return [word for word in line.split() if word != b"--guard"][-2:]


def _leading_marked(lines: Iterable[bytes]) -> Iterator[bytes]:
    for line in lines:
        if not _MARK.search(line):
            return
        yield line
