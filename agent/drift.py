"""Lines of ours that somebody else changed: what was found, in which words, and what of it may stay."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from agent.reconcile import Plan
from agent.schedulers.base import Entry
from chalicelib.domain import schedule

Kind = Literal["edited", "removed", "duplicated", "moved"]
Policy = Literal["heal", "report", "adopt"]
POLICIES: tuple[Policy, ...] = ("heal", "report", "adopt")


@dataclass(frozen=True, slots=True)
class Drift:
    """One finding. before: the line as we wrote it. after: what stands instead, None where nothing does.

    kind: moved means that the line stands outside our block. is_left: it stays as it is, until either side changes.
    """

    job_id: str
    kind: Kind
    before: bytes
    after: bytes | None
    is_left: bool = False

    @property
    def key(self) -> str:
        """What tells this finding from another of the same job."""
        return f"{self.kind} {(self.after or b'').decode(errors='surrogateescape')}"

    @property
    def words(self) -> str:
        """What happened, short enough for a report about the job."""
        if self.kind != "edited" or self.after is None:
            return {
                "removed": "its line was removed by hand",
                "duplicated": "its line stands twice",
                "moved": "its line was moved out of our block by hand",
            }.get(self.kind, "edited by hand")
        if is_comment(self.after):
            return "its line was commented out by hand"
        now, then = (_shown(_fields(line, self.before)) for line in (self.after, self.before))
        return f"edited by hand: {now}, was {then}"

    @property
    def schedule(self) -> str | None:
        """The schedule that somebody gave the job by hand, None where the edit says something else or is none."""
        if self.kind != "edited" or self.after is None or b"--guard" in self.before.split():
            return None
        fields = _fields(self.after, self.before)
        if fields is None or is_comment(self.after):
            return None
        text = fields.decode(errors="replace")
        return text if schedule.problem(text) is None and schedule.normalized(text) == text else None

    @property
    def is_pause(self) -> bool:
        """Whether somebody took the job out of the table by hand."""
        return self.kind == "removed" or (self.kind == "edited" and self.after is not None and is_comment(self.after))


def find(steps: Plan, written: Mapping[str, bytes], outside: Mapping[str, bytes]) -> list[Drift]:
    """Return what somebody else did to our lines since we wrote them, by job.

    written: job id -> the line last written. outside: job id -> its line that stands outside our block. A line that is what
    we want now was our own write, cut short.
    """
    found = [
        Drift(change.job_id, "edited", written[change.job_id], change.old)
        for change in steps.changes
        if change.job_id not in outside and written.get(change.job_id, change.old) != change.old
    ]
    gone = [entry.job_id for entry in steps.adds if entry.job_id in written and entry.job_id not in outside]
    found += [Drift(job_id, "removed", written[job_id], None) for job_id in gone]
    found += [Drift(job_id, "moved", written[job_id], line) for job_id, line in outside.items()]
    repeats = ((item.job_id or "", item.line) for item in steps.repeats)
    found += [Drift(job_id, "duplicated", written.get(job_id, line), line) for job_id, line in repeats]
    return sorted(found, key=lambda one: (one.job_id, one.kind))


def staying(found: Iterable[Drift], entries: Iterable[Entry]) -> list[Drift]:
    """Return the findings that may stay as they are: where the repository wants what it wanted when we wrote the line."""
    wanted = {entry.job_id: entry.line for entry in entries}
    return [one for one in found if wanted.get(one.job_id) == one.before]


def around(entries: Iterable[Entry], left: Iterable[Drift]) -> Iterator[Entry]:
    """Yield the entries as they are to stand if these findings stay."""
    instead = {one.job_id: one.after if one.kind == "edited" else None for one in left if one.kind != "duplicated"}
    for entry in entries:
        yield Entry(entry.job_id, instead[entry.job_id]) if entry.job_id in instead else entry


def is_comment(line: bytes) -> bool:
    """Tell whether cron passes over the line."""
    return line.lstrip().startswith(b"#")


def _fields(line: bytes, written: bytes) -> bytes | None:
    """Return what stands before the call of run-job, None if the line makes another one than we wrote."""
    *fields, program, mark = line.split() if len(line.split()) > 2 else (b"", b"", b"")
    return b" ".join(fields) if [program, mark] == written.split()[-2:] else None


def _shown(fields: bytes | None) -> str:
    return fields.decode(errors="replace") if fields is not None else "another command"
