"""The agent as a service of the machine: what is to be written and which commands are to be given.

A manager only says so, in steps; agent.services.steps carries them out. So a dry run shows the very steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

# `run` ends with it where only a person can help: managers that know of exit codes do not start it again then.
NEEDS_A_PERSON = 78


@dataclass(frozen=True, slots=True)
class Setup:
    """How the agent is to be started here.

    command: what starts it, absolute, without `run`. folder: where it has to start, None: anywhere. home: D.
    user_home: the user's own. environ: variables it needs. writable: folders outside D into which it writes.
    is_forking: the process that works is a child of the one that was started.
    """

    command: tuple[str, ...]
    home: Path
    uid: int
    login: str
    user_home: Path
    folder: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    writable: tuple[Path, ...] = ()
    is_forking: bool = False

    @property
    def is_root(self) -> bool:
        return self.uid == 0


@dataclass(frozen=True, slots=True)
class Write:
    """A whole file, put in place at once."""

    path: Path
    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Remove:
    """A file that is gone afterwards, whether it was there or not."""

    path: Path


@dataclass(frozen=True, slots=True)
class Run:
    """A command. may_fail: the next step follows whatever becomes of it."""

    command: tuple[str, ...]
    may_fail: bool = False


Step = Write | Remove | Run


class Manager(Protocol):
    """What keeps services running on this kind of machine."""

    @property
    def name(self) -> str:
        """What people call it, for messages."""

    def file(self, setup: Setup) -> Write:
        """Return what describes the agent to the manager. It is installed if this file is there."""

    def install(self, setup: Setup, *, is_new: bool) -> Sequence[Step]:
        """Return what makes the manager run it, now and from every start of the machine on. Twice is the same as once.

        is_new: the file has just been written; else it is as it was.
        """

    def uninstall(self, setup: Setup) -> Sequence[Step]:
        """Return what stops it and takes the file away."""

    def start(self, setup: Setup) -> Sequence[Step]: ...

    def stop(self, setup: Setup) -> Sequence[Step]: ...

    def restart(self, setup: Setup) -> Sequence[Step]: ...

    def hints(self, setup: Setup) -> Sequence[str]:
        """Return what a person should know or do besides, after an installation."""
