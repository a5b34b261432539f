"""Our block in a crontab, on bytes: what stands outside it comes out as it went in.

    # BEGIN CRONTOPUS <endpoint>
    */5 * * * * /home/u/.crontopus/bin/run-job CRONTOPUS:5f0c...
    # END CRONTOPUS <endpoint>

People edit this table by hand, so a marker may be missing and a block may stand twice. Then only what we are known to have
written counts as ours; a line nobody can place stays where it is.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from agent.schedulers.base import Actual, Item, Known
from chalicelib.domain import crontab_marks

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_MARKER = re.compile(rb"# (BEGIN|END) CRONTOPUS (\S+)")
# Behind a "# " it marks a line that is not ours.
_MARK = re.compile(rb"(?<!# )\bCRONTOPUS:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b")
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
    name = endpoint_id.encode()
    block = b"\n".join([b"# BEGIN CRONTOPUS " + name, *lines, b"# END CRONTOPUS " + name, b""])
    return foreign + (b"\n" if _is_bare(foreign) else b"") + block


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
        if self.notes or (self.blocks == 0 and self.known.lines):
            self._gather_strays()
        foreign = b"".join(self.foreign)
        # As long as our block stands, what is remembered of the table it was put into holds.
        remembered = self.known.bare_foreign if self.items else None
        bare = digest(foreign) if _is_bare(foreign) else remembered
        return Actual(raw, foreign, tuple(self.items), tuple(self.notes), bare)

    def _gather_strays(self) -> None:
        """Take back lines that lost their markers, if they are letter for letter what we wrote."""
        written = set(self.known.lines.values())
        strays = {index for index in self.loose if self.foreign[index].strip(_BLANK) in written}
        if strays:
            self.items += [item(self.foreign[index]) for index in sorted(strays)]
            self.foreign = [line for index, line in enumerate(self.foreign) if index not in strays]
            self.notes.append(f"{len(strays)} of our lines stood outside our block")


def _leading_marked(lines: Iterable[bytes]) -> Iterator[bytes]:
    for line in lines:
        if not _MARK.search(line):
            return
        yield line
