"""What the agent knows of any scheduler."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from agent.guard import Keep


@dataclass(frozen=True, slots=True)
class Entry:
    """One job as it should stand in the scheduler. line: None for a job that is kept but not scheduled (paused, disabled)."""

    job_id: str
    line: bytes | None


@dataclass(frozen=True, slots=True)
class Item:
    """One line found in our part of the scheduler. job_id: the job whose mark it bears, None where it bears none."""

    line: bytes
    job_id: str | None


@dataclass(frozen=True, slots=True)
class Actual:
    """What a scheduler holds.

    raw: all of it, byte for byte. foreign: the bytes that are not ours. items: our part, in its order.
    notes: what had to be mended in order to read it, in words. bare_foreign: what to remember of it, see Known.
    outside: job id -> its line, for jobs whose line somebody moved out of our part; whether it counts as ours says Known.
    """

    raw: bytes
    foreign: bytes
    items: tuple[Item, ...] = ()
    notes: tuple[str, ...] = ()
    bare_foreign: str | None = None
    outside: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """What the agent remembers of its own part, by which a torn one is put together again.

    endpoint_ids: whose blocks are ours: this endpoint's, and the one's that this folder was enrolled as before.
    lines: job id -> the line last written. bare_foreign: SHA-256 of foreign bytes to which we had to add a final newline.
    left_outside: ids of jobs whose line, if somebody moved it out of our part, is foreign until it comes back.
    """

    endpoint_ids: frozenset[str]
    lines: Mapping[str, bytes] = field(default_factory=dict)
    bare_foreign: str | None = None
    left_outside: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Around:
    """What a scheduler has seen around our part when it was read last.

    keep: how it keeps a schedule there, None where that never changes. has_reboot: it knows @reboot. warnings: what else
    reaches into our part, in words.
    """

    keep: Keep | None = None
    has_reboot: bool = True
    warnings: tuple[str, ...] = ()


class Scheduler(Protocol):
    """Where jobs are put. `raw` and `replace` are the only ways in and out; the rest decides on bytes alone."""

    def held(self) -> AbstractContextManager[object]:
        """Keep other agents of this user out while the block runs."""

    def raw(self) -> bytes:
        """Return all that the scheduler holds. Raise Stalled or Unavailable if that cannot be known for certain."""

    def line(self, fields: str, job_id: str, *, is_guarded: bool = False, path: str = "") -> bytes:
        """Return a job's line. fields: its schedule, as `Here.keep` says it. is_guarded: run-job is asked whether it is due.

        path: of its manifest, for schedulers whose entries have names.
        """

    def around(self) -> Around:
        """Return what was seen around our part when `raw` was asked last."""

    def find(self, raw: bytes, known: Known) -> Actual:
        """Return what is ours in `raw` and what is not."""

    def compose(self, actual: Actual, lines: Sequence[bytes]) -> bytes:
        """Return the bytes with these lines as our part and everything foreign as it was."""

    def replace(self, old: bytes, new: bytes) -> Path:
        """Put `new` in place of `old` and return where `old` was saved. Raise Unavailable if `old` is not there any more."""
