"""The newest reports of one instance: by them a report that comes again is known, and a streak is read off.

A stream gives its records at least once. Reports are kept in the order in which the ledger took them; one that is older than
all that are kept, and not among them, has been counted before. Any order and any repetition within the last 26 ends the same.
"""

from dataclasses import dataclass
from typing import Literal

from chalicelib.domain import times
from chalicelib.domain.packing import pack, to_signed, to_unsigned, unpack
from chalicelib.domain.runs import STATUSES, Run, RunStatus

# More than one request delivers at once: those 25 have one moment of arrival and no order among them.
KEPT = 26

Ending = Literal["good", "bad"]
_ENDINGS: dict[RunStatus, Ending] = {"success": "good", "failure": "bad", "timeout": "bad"}
_ENDINGS_KEPT: tuple[Ending | None, ...] = (None, "good", "bad")


@dataclass(frozen=True, slots=True, order=True)
class Report:
    """received_ms: when the ledger took it. run_key: sorts as the run's id does, and tells runs of one instance apart."""

    received_ms: int
    run_key: int
    status: RunStatus


@dataclass(frozen=True, slots=True)
class Streak:
    """How many results in a row ended alike. ending: None before the first; what was cancelled or skipped does not count."""

    ending: Ending | None = None
    length: int = 0


@dataclass(frozen=True, slots=True)
class Recent:
    """reports: one for each run, oldest arrival first. forgotten: arrival and key of the newest that is not kept any more.

    carried: the streak of what is forgotten.
    """

    reports: tuple[Report, ...] = ()
    forgotten: tuple[int, int] = (0, 0)
    carried: Streak = Streak()

    def knows(self, run: Run) -> bool:
        """Tell whether this report, or the result of the run whose start it is, has been taken."""
        key = run_key(run.run_id)
        for report in self.reports:
            if report.run_key == key:
                return report.status != "running" or not run.is_finished
        return (times.to_millis(run.received_at), key) <= self.forgotten

    def taking(self, run: Run) -> "Recent":
        """Return what is kept once this report is taken; a result takes the place of its start."""
        key = run_key(run.run_id)
        taken = Report(times.to_millis(run.received_at), key, run.status)
        kept = sorted([*(report for report in self.reports if report.run_key != key), taken])
        forgotten, carried = self.forgotten, self.carried
        for report in kept[: max(0, len(kept) - KEPT)]:
            forgotten, carried = (report.received_ms, report.run_key), _continued(carried, report)
        return Recent(tuple(kept[-KEPT:]), max(forgotten, self.forgotten), carried)

    @property
    def results(self) -> tuple[RunStatus, ...]:
        """How the newest runs ended, newest run first."""
        return tuple(report.status for report in self._by_run() if report.status != "running")

    @property
    def streak(self) -> Streak:
        endings = [_ENDINGS[report.status] for report in self._by_run() if report.status in _ENDINGS]
        if not endings:
            return self.carried
        length = next((place for place, ending in enumerate(endings) if ending != endings[0]), len(endings))
        goes_on = length == len(endings) and self.carried.ending == endings[0]
        return Streak(endings[0], length + (self.carried.length if goes_on else 0))

    def _by_run(self) -> list[Report]:
        return sorted(self.reports, key=lambda report: report.run_key, reverse=True)

    def to_bytes(self) -> bytes:
        """Return it packed: each report by how much later it came than the one before, and how much later than it began."""
        numbers = [*self.forgotten, _ENDINGS_KEPT.index(self.carried.ending), self.carried.length]
        before_ms = 0
        for report in self.reports:
            numbers += [report.received_ms - before_ms, STATUSES.index(report.status)]
            numbers += [to_unsigned(report.received_ms - (report.run_key >> 16)), report.run_key & 0xFFFF]
            before_ms = report.received_ms
        return pack(numbers)

    @classmethod
    def from_bytes(cls, packed: bytes) -> "Recent":
        if not packed:
            return cls()
        received_ms, run_key, ending, length, *numbers = unpack(packed)
        reports, at_ms = [], 0
        for later_ms, status, since_ms, chance in zip(*[iter(numbers)] * 4, strict=True):
            at_ms += later_ms
            reports.append(Report(at_ms, (at_ms - to_signed(since_ms)) << 16 | chance, STATUSES[status]))
        return cls(tuple(reports), (received_ms, run_key), Streak(_ENDINGS_KEPT[ending], length))


def run_key(run_id: str) -> int:
    """Return 48 bits of the moment in a run's id and 16 of its randomness."""
    digits = run_id.replace("-", "")
    return int(digits[:12] + digits[-4:], 16)


def _continued(streak: Streak, report: Report) -> Streak:
    ending = _ENDINGS.get(report.status)
    if ending is None:
        return streak
    return Streak(ending, streak.length + 1) if ending == streak.ending else Streak(ending, 1)
