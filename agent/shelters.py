"""What run-job had to write elsewhere, because D's disk was full, read-only or did not answer: delivered from there, too.

run_shelter.py says where that is and why nobody else can have put anything there.
"""

import logging
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from agent import home as homes
from agent import spool as spools
from agent.report import Delivered, Delivery
from agent.spool import END, OUTPUT, Backlog
from chalicelib.domain.errors import CrontopusError

BASES = ("/dev/shm", "/run/user/%d", "/var/tmp")  # noqa: S108 - as in run_shelter.py, with the same care
MAX_BYTES = 10 * 1024 * 1024  # of memory
MOVE_EVERY_S = 60.0

log = logging.getLogger(__name__)


def folders(directory: Path, bases: Sequence[str] = BASES) -> list[Path]:
    """Return where run-job may have left records of this D, as far as there is anything and it is surely ours."""
    if not hasattr(os, "geteuid"):
        return []  # Windows
    uid = os.geteuid()
    try:
        about = directory.stat()
    except OSError:
        return []
    places = [Path(base % uid if "%" in base else base) for base in bases]
    ours = [place / f"crontopus-{uid}" for place in places if _is_ours(place / f"crontopus-{uid}", uid, place)]
    found = [folder / f"{about.st_dev}-{about.st_ino}" for folder in ours]
    return [folder for folder in found if folder.is_dir()]


def _is_ours(folder: Path, uid: int, base: Path) -> bool:
    try:
        own, around = folder.lstat(), base.stat()
    except OSError:
        return False
    is_private = stat.S_ISDIR(own.st_mode) and own.st_uid == uid and not own.st_mode & 0o077
    is_safe = around.st_uid in (0, uid) and (not around.st_mode & 0o022 or bool(around.st_mode & stat.S_ISVTX))
    return is_private and is_safe


class Shelters:
    """Delivers from every shelter there is, one batch of each a step.

    deliver_from: makes the delivery of one folder.
    """

    def __init__(self, directory: Path, deliver_from: Callable[[Path], Delivery], *, bases: Sequence[str] = BASES) -> None:
        self.directory = directory
        self.deliver_from = deliver_from
        self.bases = bases
        self._deliveries: dict[Path, Delivery] = {}
        self._move_at = 0.0

    def folders(self) -> list[Path]:
        return folders(self.directory, self.bases)

    def deliver_once(self, now: datetime) -> Delivered:
        """Send what can be sent. Errors are the answer's `problem`, as with a delivery."""
        steps = [self._delivery(folder).deliver_once(now) for folder in self.folders()]
        problem = next((step.problem for step in steps if step.problem), None)
        return Delivered(sum(step.sent for step in steps), min((step.wait_s for step in steps), default=1.0), problem)

    def backlogs(self) -> list[Backlog]:
        return [self._delivery(folder).backlog() for folder in self.folders()]

    def problems(self, spool: Path) -> list[str]:
        """Return what somebody should look at, in words."""
        depth = sum(backlog.depth for backlog in self.backlogs())
        return [f"{depth} results had to be kept elsewhere, for {spool} cannot be written"] if depth else []

    def retry_now(self) -> None:
        for delivery in list(self._deliveries.values()):
            delivery.retry_now()

    def move_back(self, spool: Path, at: float) -> int:
        """Take results home to D's disk, if it takes files again: a shelter does not outlive the machine's next start.

        Return how many were moved. at: seconds, monotonic; once a minute is enough.
        """
        if at < self._move_at:
            return 0
        self._move_at = at + MOVE_EVERY_S
        moved = 0
        with suppress(CrontopusError, OSError):  # not yet; they are delivered from where they are
            for folder in self.folders():
                for run_id in sorted(id_ for id_, suffixes in spools.runs_in(folder).items() if END in suffixes):
                    moved += _move(folder, spool, run_id)
        if moved:
            log.warning("results were kept elsewhere while the spool could not be written", extra={"count": moved})
        return moved

    def _delivery(self, folder: Path) -> Delivery:
        if folder not in self._deliveries:
            self._deliveries[folder] = self.deliver_from(folder)
        return self._deliveries[folder]


def _move(folder: Path, spool: Path, run_id: str) -> bool:
    """Copy one result, its output first, then forget the original; sent from both places, it counts once."""
    for suffix in (OUTPUT, END):
        try:
            content = (folder / f"{run_id}{suffix}").read_bytes()
        except FileNotFoundError:
            if suffix == END:
                return False  # delivered meanwhile
            continue
        homes.write_file(spool / f"{run_id}{suffix}", content)
    spools.remove(folder, run_id)
    return True
