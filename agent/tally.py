"""What the agent counts of itself and of the runs it sees, for metrics. Every thread may call it."""

import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from agent.home import read_json, write_file
from agent.loop import Part
from agent.outcome import Report
from chalicelib.domain.errors import CrontopusError
from chalicelib.domain.times import from_text, to_millis

# As long as a run lies in the spool it must not be counted twice; so many it holds at most.
_REMEMBERED = 20_000
# Errors of a round that say that the scheduler could not be read or written.
SCHEDULER_CODES = frozenset({
    "scheduler_unreadable", "program_missing", "table_refused", "table_full", "table_changed", "table_damaged", "task_refused",
    "timeout",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class JobFacts:
    """One job's last run here. *_at_s: since the epoch. runs: by how they ended, since the agent started."""

    job: str
    namespace: str
    last_run_at_s: float = 0.0
    last_success_at_s: float | None = None
    last_exit_code: int | None = None
    runs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counts:
    """A copy of all counters. seconds: by part, of everything it did. jobs: by id."""

    done: Mapping[str, int]
    failed: Mapping[str, int]
    seconds: Mapping[str, float]
    changes: Mapping[str, int]
    scheduler_errors: int
    jobs: Mapping[str, JobFacts]


class Tally:
    """path: where the jobs' last runs are remembered, so that a restart does not forget them."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self.path = path
        self.clock = clock
        self._lock = threading.Lock()
        self._done: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}
        self._changes: Counter[str] = Counter({"added": 0, "changed": 0, "removed": 0})
        self._scheduler_errors = 0
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._jobs = _load(path)
        self._is_new = False

    def watched(self, part: Part) -> Part:
        """Return the part, counted."""

        def act() -> float | None:
            began = self.clock()
            try:
                return part.act()
            finally:
                self._add(part.name, self.clock() - began)

        def failed(error: Exception) -> None:
            with self._lock:
                self._failed[part.name] += 1
                if part.name == "sync" and getattr(error, "code", "") in SCHEDULER_CODES:
                    self._scheduler_errors += 1
            part.failed(error)

        return replace(part, act=act, failed=failed)

    def settled(self, report: Report) -> None:
        """A round has come to its end."""
        with self._lock:
            self._changes.update(added=report.added, changed=report.changed, removed=report.removed)

    def saw(self, run: Mapping[str, Any]) -> None:
        """A run has ended; the same one again does not count. run: as the API takes it, or as it lies in the spool."""
        with suppress(KeyError, TypeError, ValueError):
            run_id, job_id, status, ended_s = run["run_id"], str(run["job_id"]), str(run["status"]), _seconds(run)
            with self._lock:
                if run_id in self._seen or status == "running":
                    return
                self._seen[run_id] = None
                if len(self._seen) > _REMEMBERED:
                    self._seen.popitem(last=False)
                known = self._jobs.get(job_id) or JobFacts("", "")
                self._jobs[job_id] = _after(known, run, status, ended_s)
                self._is_new = True

    def has_seen(self, run_id: str) -> bool:
        with self._lock:
            return run_id in self._seen

    def keep_only(self, job_ids: Iterable[str]) -> None:
        """Forget jobs that are not of this machine any more."""
        kept = set(job_ids)
        with self._lock:
            gone = [job_id for job_id in self._jobs if job_id not in kept]
            for job_id in gone:
                del self._jobs[job_id]
            self._is_new = self._is_new or bool(gone)

    def counts(self) -> Counts:
        with self._lock:
            return Counts(
                dict(self._done), dict(self._failed), dict(self._seconds), dict(self._changes), self._scheduler_errors,
                dict(self._jobs),
            )  # fmt: skip

    def save(self) -> None:
        """Write down the jobs' last runs if there was any since the last time."""
        with self._lock:
            if not self._is_new:
                return
            self._is_new = False
            jobs = {job_id: asdict(replace(facts, runs={})) for job_id, facts in self._jobs.items()}
        with suppress(CrontopusError):  # a full disk is told elsewhere; metrics can wait
            write_file(self.path, json.dumps(jobs).encode(), is_durable=False)

    def _add(self, name: str, seconds: float) -> None:
        with self._lock:
            self._done[name] += 1
            self._seconds[name] = self._seconds.get(name, 0.0) + seconds


def _after(known: JobFacts, run: Mapping[str, Any], status: str, ended_s: float) -> JobFacts:
    """Return the facts after one more run. One that is reported late says nothing of what is the last."""
    runs = {**known.runs, status: known.runs.get(status, 0) + 1}
    success_s = max(ended_s, known.last_success_at_s or 0.0) if status == "success" else known.last_success_at_s
    named = replace(known, job=str(run["job_name"]), namespace=str(run["namespace"]), runs=runs, last_success_at_s=success_s)
    if ended_s < known.last_run_at_s:
        return named
    return replace(named, last_run_at_s=ended_s, last_exit_code=run.get("exit_code"))


def _seconds(run: Mapping[str, Any]) -> float:
    """Return when the run ended: text of the API, milliseconds in the spool."""
    moment = run.get("finished_at") or run["started_at"]
    return (to_millis(from_text(moment)) if isinstance(moment, str) else int(moment)) / 1000


def _load(path: Path) -> dict[str, JobFacts]:
    with suppress(CrontopusError, TypeError):
        found = read_json(path)
        return {job_id: JobFacts(**facts) for job_id, facts in found.items()} if isinstance(found, dict) else {}
    return {}
