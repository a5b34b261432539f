"""Doing what was decided, in the order in which a crash at any point does no harm.

A job's file is there before its line and stays until its line is gone; the inventory is written last. Whatever is cut short,
the next round finds the old table or the new one and goes on from there.
"""

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path

from agent import installed, proc
from agent.decide import Decision
from agent.errors import of_os_error
from agent.home import Home
from agent.installed import OWN_PYTHON, Installation
from agent.placing import Wanted
from agent.schedulers.base import Scheduler
from agent.schedulers.block import item
from agent.state import Inventory, Placed, save_inventory
from agent.wrapper import command
from chalicelib.domain.errors import Stalled, Unavailable

SYSTEM_PYTHON = Path("/usr/bin/python3")
_TICK_NS = 1_000_000_000
_JOB_FILE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.yaml")


# Every round asks for every file; the limit is two tables of cron's largest size.
@lru_cache(maxsize=20_000)
def _job_of(name: str) -> str | None:
    """Return the job whose file bears this name, None if it is no job's."""
    return name[:36] if _JOB_FILE.fullmatch(name) else None


class JobFiles:
    """What run-job reads: one file per job that has a line."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def install(self) -> None:
        """Put run-job itself in place."""
        with _translated("run-job cannot be installed"):
            command.install(self.home.directory, run_job_interpreter())

    def stamp(self) -> tuple[int, int] | None:
        """Return what changes whenever a file comes, goes or is replaced; None if that cannot be told yet.

        Kernels stamp folders with a coarse clock: two changes within one tick look like one.
        """
        try:
            stamp = self.home.jobs.stat().st_mtime_ns, self.home.run_job.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        return stamp if time.time_ns() - stamp[0] > _TICK_NS else None

    def present(self) -> set[str]:
        """Return the ids of jobs that have a file."""
        try:
            with os.scandir(self.home.jobs) as entries:
                return {job_id for entry in entries if (job_id := _job_of(entry.name))}
        except FileNotFoundError:
            return set()

    def write(self, wanted: Wanted, commit: str) -> None:
        with _translated("a job's file cannot be written"):
            command.write_job(self.home.directory, wanted.job, commit, wanted.extras)

    def remove(self, job_ids: Iterable[str]) -> None:
        for job_id in job_ids:
            with _translated("a job's file cannot be removed"):
                command.remove_job(self.home.directory, job_id)


@cache
def run_job_interpreter(system: Path = SYSTEM_PYTHON) -> Path:
    """Return what starts run-job: the system's Python where it is 3.9 or newer, since upgrades keep its path; else ours."""
    try:
        probe = [str(system), "-ISc", "import sys; sys.exit(sys.version_info < (3, 9))"]
        is_fit = proc.run(probe, environ={}).code == 0
    except (Stalled, Unavailable):
        is_fit = False
    return system if is_fit else _own_interpreter(installed.own(), Path(sys.executable))


def _own_interpreter(place: Installation | None, executable: Path) -> Path:
    """Return the Python that runs us, by a path that outlives an update."""
    if place and place.is_native:
        return place.prefix / "current" / OWN_PYTHON
    # It may be a virtual environment's, which is a link: what it points at outlives it.
    return executable.resolve()


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise of_os_error(e, what) from e


def apply(
    decision: Decision, head: str, before: Inventory, endpoint_id: str, scheduler: Scheduler, files: JobFiles
) -> Inventory:
    """Carry a decision out and return the inventory that describes the outcome.

    before: the inventory so far; it may be another endpoint's, if this machine was enrolled anew.
    Raise Unavailable if the table is not the one that was decided on any more: then decide again.
    """
    if not files.home.run_job.exists():
        files.install()
    present = set(decision.job_files)
    for job_id, wanted in outdated(decision, before):
        files.write(wanted, head)
        present.add(job_id)
    if decision.table != decision.raw:
        if decision.bare_foreign != before.bare_foreign:
            # Before the table, not after: else a crash in between would forget how the table ended when we came.
            save_inventory(files.home.inventory, replace(before, bare_foreign=decision.bare_foreign))
        scheduler.replace(decision.raw, decision.table)
    lines = {found.job_id: found.line for found in map(item, decision.lines) if found.job_id}
    files.remove(present - lines.keys() - {one.job_id for one in decision.drift if one.is_left})
    after = replace(
        before,
        endpoint_id=endpoint_id,
        commit=before.commit if decision.held else head,
        jobs=_placed(decision, before, lines),
        bare_foreign=decision.bare_foreign,
    )
    if after != before:
        save_inventory(files.home.inventory, after)
    return after


def outdated(decision: Decision, before: Inventory) -> Iterable[tuple[str, Wanted]]:
    """Yield the jobs whose file is missing, or was written from another manifest or for other circumstances."""
    for job_id, wanted in decision.jobs.items():
        placed = before.jobs.get(job_id)
        if (
            not (placed and _is_same(placed, wanted) and job_id in decision.job_files)
            and wanted.job.is_scheduled
            and job_id not in decision.withheld
        ):
            yield job_id, wanted


def _is_same(placed: Placed, wanted: Wanted) -> bool:
    """Tell whether a job's file was written from this very manifest, for these very circumstances."""
    return placed.blob == wanted.blob and placed.path == wanted.path and placed.rest == wanted.rest


def _placed(decision: Decision, before: Inventory, lines: Mapping[str, bytes]) -> dict[str, Placed]:
    def text(job_id: str) -> str | None:
        line = lines.get(job_id)
        return None if line is None else line.decode(errors="surrogateescape")

    written = before.lines
    placed: dict[str, Placed] = {}
    for job_id, wanted in decision.jobs.items():
        known = before.jobs.get(job_id)
        # Nearly all are as they were: to see that is cheaper than to make a thousand anew, and to compare those later.
        if known and _is_same(known, wanted) and not known.drift and written.get(job_id) == lines.get(job_id):
            placed[job_id] = known
        else:
            placed[job_id] = Placed(wanted.path, wanted.blob, text(job_id), wanted.rest)
    for one in decision.drift:
        if one.is_left and one.job_id in placed:
            # What we wrote is still what the repository wants: that is what the line is compared with.
            line = one.before.decode(errors="surrogateescape")
            keys = filter(None, (placed[one.job_id].drift, one.key))
            placed[one.job_id] = replace(placed[one.job_id], line=line, drift="\n".join(keys))
    for job_id in decision.kept:
        placed[job_id] = replace(before.jobs.get(job_id) or Placed("", "", None), line=text(job_id))
    return placed
