"""What a round does to lines that are not ours: marks them, sets adopted ones aside, puts released ones back.

All of it goes into the table in one write with our block, so that no job ever has two lines, or none. Pure.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from agent.discovery import markers
from agent.discovery.lines import Lines, line_hash
from agent.placing import Wanted
from agent.schedulers.base import Item
from chalicelib.domain import crontab_lines, crontab_marks, discovery
from chalicelib.domain.crontab_lines import Placed
from chalicelib.domain.manifest import Job


@dataclass(frozen=True, slots=True)
class Settled:
    """foreign: the bytes that are not ours, as they should stand. withheld: id of a job -> why it gets no line of ours yet.

    asides: jobs whose own line is kept in a comment. absent: discovered jobs that have no line any more. notes: what was done
    to whose line, in words.
    """

    foreign: bytes
    withheld: Mapping[str, str] = field(default_factory=dict)
    asides: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def settle(foreign: bytes, items: Collection[Item], wanted: Mapping[str, Wanted], lines: Lines, endpoint_id: str) -> Settled:
    """Return what becomes of the foreign part of a table. items: our block as it stands. wanted: all jobs of this machine."""
    ours = {
        job_id: entry.job
        for job_id, entry in wanted.items()
        if entry.job.annotations and entry.job.annotations.get(discovery.ENDPOINT) == endpoint_id
    }
    if not ours and not lines.marks and b"# CRONTOPUS:" not in foreign:
        return Settled(foreign)
    settling = _Settling(foreign, ours, lines)
    settling.migrate(wanted)
    settling.refuse_copies()
    settling.adopt({item.job_id for item in items if item.job_id})
    settling.release(items)
    settling.mark()
    return settling.result()


def without_asides(foreign: bytes, job_ids: Collection[str]) -> bytes:
    """Return the foreign bytes without the comments that keep these jobs' lines."""
    rows = foreign.split(b"\n")
    return b"\n".join(row for row in rows if not ((aside := crontab_marks.aside_of(row)) and aside[0] in job_ids))


class _Settling:
    """One pass over the foreign lines. rows: None where a line goes. ours: jobs that were found in this very table."""

    def __init__(self, foreign: bytes, ours: Mapping[str, Job], lines: Lines) -> None:
        self.foreign = foreign
        self.rows: list[bytes | None] = list(foreign.split(b"\n"))
        self.adopted = {job_id: job for job_id, job in ours.items() if not job.is_discovered}
        self.discovered = {job_id: job for job_id, job in ours.items() if job.is_discovered}
        self.lines = lines
        self.alien = markers.rows_of_other_agents(self.rows) if b"# BEGIN CRONTOPUS" in foreign else frozenset()
        self.asides: dict[str, int] = {}
        self.active: dict[str, list[int]] = {}
        self.withheld: dict[str, str] = {}
        self.notes: list[str] = []
        self.warnings: list[str] = []
        for index, row in enumerate(self.rows):
            if row and b"CRONTOPUS:" in row and index not in self.alien:
                self._sort(index, row)

    def _sort(self, index: int, row: bytes) -> None:
        if aside := crontab_marks.aside_of(row):
            self.asides.setdefault(aside[0], index)
        elif not row.lstrip().startswith(b"#") and not markers.is_wrapped(row) and (job_id := crontab_marks.id_of(row)):
            self.active.setdefault(job_id, []).append(index)

    def migrate(self, wanted: Mapping[str, Wanted]) -> None:
        """Take out lines that an agent of an earlier version wrote, where our block has their job."""
        for old in markers.old_lines(self.rows, self.alien):
            job_id = old.job_in(wanted)
            if job_id is None:
                self.warnings.append(f"line {old.at + 1} is of an earlier agent, and no manifest defines its job {old.name}")
                continue
            for index in old.indexes:
                self.rows[index] = None
            self.notes.append(f"the line of an earlier agent for {old.name} was replaced by ours ({job_id})")

    def refuse_copies(self) -> None:
        """Take the mark off all but the first line that bears it, and off those whose job keeps another line aside."""
        for job_id, indexes in self.active.items():
            copies = indexes if job_id in self.asides else indexes[1:]
            for index in copies:
                self._set(index, crontab_marks.unmarked(self._row(index)))
                self.notes.append(f"line {index + 1} is a copy of a line that is job {job_id}; it counts as a new one")
            del indexes[len(indexes) - len(copies) :]

    def adopt(self, running: Collection[str]) -> None:
        """Set the lines of adopted jobs aside. running: jobs that have a line of ours already."""
        for job_id, job in self.adopted.items():
            if job_id in self.asides:
                continue
            if indexes := self.active.get(job_id):
                self._set_aside(indexes[0], job_id)
            elif why := self._adopt_unmarked(job_id, job, job_id in running):
                self.withheld[job_id] = why

    def _adopt_unmarked(self, job_id: str, job: Job, is_running: bool) -> str | None:
        """Set aside the line that the job certainly is; return why our own line has to wait, None if it does not."""
        place = self.lines.elsewhere.get(job_id)
        table = job.annotations.get(discovery.TABLE)
        if place and not is_running:
            return f"take its line out of {place}: it runs there, and that table is not ours to write"
        if table and not self.lines.is_known and not is_running:
            return f"it waits until the agent has looked whether its line still stands in {table}"
        if table:
            return None
        same, like = self._candidates(job_id, job)
        if same or len(like) == 1:
            self._set_aside((same or like)[0], job_id)
        elif like and not is_running:
            return f"take out the line that is this job: {len(like)} lines run what it ran"
        return None

    def _candidates(self, job_id: str, job: Job) -> tuple[list[int], list[int]]:
        """Return the lines without mark that are the job's byte for byte, and those that at least run the same."""
        hashes = {digest for digest, ids in self.lines.ids.items() if job_id in ids} | {job.annotations.get(discovery.LINE)}
        command = discovery.original_command(job)
        same, like = [], []
        for index, placed in self._unmarked():
            if line_hash(placed.line.raw) in hashes:
                same.append(index)
            elif command is not None and placed.line.command == command:
                like.append(index)
        return same, like

    def _set_aside(self, index: int, job_id: str) -> None:
        self._set(index, crontab_marks.set_aside(self._row(index), job_id))
        self.asides[job_id] = index
        self.active.pop(job_id, None)
        self.notes.append(f"the line of the adopted job {job_id} was set aside, ours runs it from now on")

    def release(self, items: Collection[Item]) -> None:
        """Put the lines of released jobs back where they stood; one whose comment has gone comes last."""
        for job_id in [job_id for job_id in self.asides if job_id in self.discovered and job_id not in self.active]:
            index = self.asides.pop(job_id)
            aside = crontab_marks.aside_of(self._row(index))
            self._put_back(index, job_id, aside[1] if aside else b"")
        if self.discovered and (lost := self._without_line(items)):
            is_bare = bool(self.rows[-1])
            for job_id in lost:
                job = self.discovered[job_id]
                self.rows.insert(len(self.rows) - (0 if is_bare else 1), b"")
                self._put_back(len(self.rows) - (1 if is_bare else 2), job_id, f"{job.schedule} {job.command}".encode())

    def _without_line(self, items: Collection[Item]) -> list[str]:
        """Return released jobs that have a line of ours and none of their own."""
        at_ours = [item.job_id for item in items if item.job_id in self.discovered and item.job_id not in self.active]
        if not at_ours:
            return []
        hashes = Counter(line_hash(placed.line.raw) for _, placed in self._unmarked())
        return [job_id for job_id in at_ours if job_id and not self._is_there(job_id, hashes)]

    def _is_there(self, job_id: str, hashes: Mapping[str, int]) -> bool:
        named = {digest for digest, ids in self.lines.ids.items() if job_id in ids}
        return any(hashes.get(digest or "") for digest in {*named, self.discovered[job_id].annotations.get(discovery.LINE)})

    def _put_back(self, index: int, job_id: str, raw: bytes) -> None:
        self._set(index, raw)
        found = next((placed for at, placed in self._jobs() if at == index), None)
        # What a carriage return becomes with a mark behind it depends on the cron: a later look decides.
        if found and b"\r" not in raw and crontab_marks.obstacle(found) is None:
            self._set(index, crontab_marks.marked(raw, job_id))
        self.active[job_id] = [index]
        self.notes.append(f"the line of the released job {job_id} was put back, and ours taken out")

    def mark(self) -> None:
        """Mark what can bear a mark and has none yet."""
        for job_id, better in self.lines.renamed.items():
            for index in self.active.pop(job_id, []):
                self._set(index, crontab_marks.marked(crontab_marks.unmarked(self._row(index)), better))
                self.active[better] = [index]
        if not self.lines.marks:
            return
        taken = {*self.active, *self.asides}
        free = {digest: [job_id for job_id in ids if job_id not in taken] for digest, ids in self.lines.marks.items()}
        for index, placed in list(self._unmarked()):
            ids = free.get(line_hash(placed.line.raw))
            if ids and crontab_marks.obstacle(placed) is None:
                job_id = ids.pop(0)
                self._set(index, crontab_marks.marked(placed.line.raw, job_id))
                self.active[job_id] = [index]

    def _unmarked(self) -> Iterator[tuple[int, Placed]]:
        """Yield the jobs' lines that bear no mark and are nobody's of ours, with their places."""
        for index, placed in self._jobs():
            raw = placed.line.raw
            is_taken = b"CRONTOPUS:" in raw and (crontab_marks.id_of(raw) or markers.is_wrapped(raw))
            if index not in self.alien and not is_taken:
                yield index, placed

    def _jobs(self) -> Iterator[tuple[int, Placed]]:
        table = b"\n".join(row or b"" for row in self.rows)
        return ((placed.line.number - 1, placed) for placed in crontab_lines.jobs(table))

    def _row(self, index: int) -> bytes:
        return self.rows[index] or b""

    def _set(self, index: int, row: bytes) -> None:
        self.rows[index] = row

    def result(self) -> Settled:
        foreign = b"\n".join(row for row in self.rows if row is not None)
        asides, absent = frozenset(self.asides), frozenset(self._absent())
        return Settled(foreign, self.withheld, asides, absent, tuple(self.notes), tuple(self.warnings))

    def _absent(self) -> set[str]:
        if not self.lines.is_known:
            return set()
        without_mark = {job_id for ids in self.lines.ids.values() for job_id in ids}
        return self.discovered.keys() - self.active.keys() - without_mark - self.lines.elsewhere.keys()
