"""What the control plane has said about whether this machine may still speak for its endpoint.

Two things end that: the endpoint was revoked or deleted, or a copy of this machine was there before. One such answer alone
ends nothing for good: it takes two, ten minutes apart, each with the API's own word, so that neither a mistake that somebody
corrects at once nor a proxy in between can stop a machine. Jobs go on in every case.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.home import read_json, write_file
from chalicelib.domain.errors import CrontopusError, Stalled
from chalicelib.domain.times import to_text

CONFIRMED_AFTER_S = 600.0
ENDS = frozenset({"endpoint_revoked", "endpoint_gone"})

log = logging.getLogger(__name__)


class Fate:
    """path: where an end is remembered, so that a restart does not begin anew. It counts for the token it was told of only.

    token: reads the one that is in force now. clock: seconds, monotonic.
    """

    def __init__(self, path: Path, token: Callable[[], str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.token = token
        self.clock = clock
        self._first_at: float | None = None
        self._duplicate: CrontopusError | None = None
        self._end = self._remembered()

    def refused(self, error: CrontopusError, now: datetime) -> None:
        """A heartbeat was refused: see what that means."""
        if error.code == "duplicate_instance":
            self._duplicate = error
        if error.code not in ENDS or self._end:
            return
        at = self.clock()
        if self._first_at is None:
            self._first_at = at
        elif at - self._first_at >= CONFIRMED_AFTER_S:
            self._write({"code": error.code, "message": error.message, "at": to_text(now), "is_removed": False})
            log.warning("this machine is no endpoint any more; rounds and reports end", extra={"code": error.code})

    def accepted(self) -> None:
        """A heartbeat got through: nothing of it holds any more."""
        self._first_at = self._duplicate = None
        if self._end:
            self._end = None
            self.path.unlink(missing_ok=True)

    def why_silent(self) -> CrontopusError | None:
        """Return why no results are to be sent for now; they stay in the spool."""
        return self.end() or self._duplicate

    def end(self) -> Stalled | None:
        """Return what ended this endpoint, None if nothing has."""
        if self._end is None:
            return None
        jobs = "taken out of the scheduler" if self.is_removed else "as they were"
        since = f"no round and no report since {self._end['at']}, jobs {jobs}"
        return Stalled(f"{self._end['message']}; {since}", code=self._end["code"])

    @property
    def is_removed(self) -> bool:
        """Whether the jobs were taken out of the scheduler because of that."""
        return bool(self._end and self._end["is_removed"])

    def note_removed(self) -> None:
        """Remember that the jobs were taken out."""
        if self._end:
            self._write(self._end | {"is_removed": True})

    def _write(self, end: dict[str, Any]) -> None:
        self._end = end | {"token": self._mark()}
        try:
            write_file(self.path, json.dumps(self._end).encode())
        except CrontopusError as e:  # then it has to be told anew after a restart
            log.warning("the end cannot be written down", extra={"why": e.message})

    def _remembered(self) -> dict[str, Any] | None:
        found = read_json(self.path)
        if not isinstance(found, dict) or found.get("token") != self._mark():
            return None
        return found if {"code", "message", "at", "is_removed"} <= found.keys() and found["code"] in ENDS else None

    def _mark(self) -> str:
        """Return what tells this enrolment from the next one, and is no credential."""
        return hashlib.sha256(self.token().encode()).hexdigest()[:16]
