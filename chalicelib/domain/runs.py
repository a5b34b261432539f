"""Runs and the rule that counts each of them once, however often and in whatever order its reports arrive."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from chalicelib.domain import ids, times

RunStatus = Literal["running", "success", "failure", "timeout", "cancelled", "skipped"]
STATUSES: tuple[RunStatus, ...] = ("running", "success", "failure", "timeout", "cancelled", "skipped")
Outcome = Literal["created", "duplicate", "conflict"]

MAX_BATCH = 25
MAX_OUTPUT_BYTES = 64 * 1024
RETENTION = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of one job on one endpoint, as far as it has been reported.

    run_id: UUIDv7, made once by the wrapper. status running: started, no result yet. Moments with suffix _at are UTC;
    reported_at and all before it by the endpoint's clock, received_at by ours. duration_ms: by a monotonic clock.
    exit_code: 128 + signal where a signal ended the command. output: the tail that was kept; output_bytes: all there was.
    commit: the Git commit whose definition ran.
    """

    tenant_id: str
    run_id: str
    job_id: str
    job_name: str
    namespace: str
    endpoint_id: str
    status: RunStatus
    started_at: datetime
    finished_at: datetime | None
    duration_ms: int | None
    exit_code: int | None
    signal: int | None
    output: str | None
    output_bytes: int
    output_truncated: bool
    commit: str | None
    reported_at: datetime
    received_at: datetime

    @property
    def is_finished(self) -> bool:
        return self.status != "running"

    @property
    def skew_ms(self) -> int:
        """How far the endpoint's clock was behind ours when it reported (network time included); negative: ahead."""
        return times.to_millis(self.received_at) - times.to_millis(self.reported_at)

    @property
    def day(self) -> str:
        """The UTC date of the feed it belongs to: taken from its id, so that start and result always agree."""
        return ids.uuid7_time(self.run_id).date().isoformat()


def _claims(run: Run) -> tuple[object, ...]:
    """Return what a report claims; how often or when it was sent does not count."""
    return (
        run.job_id,
        run.endpoint_id,
        run.status,
        times.to_millis(run.started_at),
        times.to_millis(run.finished_at) if run.finished_at else None,
        run.duration_ms,
        run.exit_code,
        run.signal,
        run.output,
        run.output_bytes,
        run.commit,
    )


def judge(stored: Run | None, reported: Run) -> Outcome:
    """Return what a report means for what is stored: created says "write it"; on conflict the first report stays.

    A result completes a run that was only known to have started; a start that arrives after the result adds nothing.
    """
    if stored is None:
        return "created"
    if stored.endpoint_id != reported.endpoint_id:
        return "conflict"
    if not reported.is_finished or _claims(stored) == _claims(reported):
        return "duplicate"
    return "conflict" if stored.is_finished else "created"


def fold(stored: Mapping[str, Run], reported: Iterable[Run]) -> tuple[list[Outcome], dict[str, Run]]:
    """Return the outcome of each report, in order, and what is to be written: run_id -> run.

    stored: what is known, by run_id. Reports of one batch see those before them.
    """
    known = dict(stored)
    writes: dict[str, Run] = {}
    outcomes: list[Outcome] = []
    for run in reported:
        outcome = judge(known.get(run.run_id), run)
        outcomes.append(outcome)
        if outcome == "created":
            known[run.run_id] = writes[run.run_id] = run
    return outcomes, writes
