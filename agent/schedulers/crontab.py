"""The user's crontab: the door to the `crontab` program, and the order of steps in which a table is replaced."""

import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from agent import proc
from agent.guard import keeper
from agent.home import locked, make_private, write_file
from agent.schedulers import block, flavours, surroundings
from agent.schedulers.base import Actual, Around, Known
from agent.schedulers.flavours import Flavour
from agent.schedulers.surroundings import Surroundings
from chalicelib.domain.errors import Stalled, Unavailable

log = logging.getLogger(__name__)

# Where most crons keep the tables of users, each by its login.
SPOOL = Path("/var/spool/cron/crontabs")
KEPT_BACKUPS = 10
LOCK_WAIT_S = 10

# What crons say of a full disk: Debian and systemd-cron, cronie, bcron.
_NO_ROOM = re.compile(rb"no space left|error while writing new crontab|could not write temporary file", re.IGNORECASE)
_PLAIN_COMMAND = re.compile(r"/[^\s%]+(?: --guard)? CRONTOPUS:[0-9a-f-]{36}")


class Table(Protocol):
    """A whole crontab."""

    def read(self) -> bytes:
        """Return the table, empty if there is none. Raise Stalled or Unavailable if that is not certain."""

    def install(self, file: Path) -> None:
        """Make the file's content the table. Raise Stalled or Unavailable if it was refused."""

    def clear(self) -> None:
        """Leave no table behind."""


class CrontabProgram:
    """Table through the `crontab` program.

    program: its name or path. flavour: whose it is. login: whose table, None for the environment's. spooled: where this cron
    keeps the table, None if we may not look there.
    """

    def __init__(
        self,
        program: str,
        environ: Mapping[str, str],
        flavour: Flavour = flavours.VIXIE,
        *,
        login: str | None = None,
        spooled: Path | None = None,
    ) -> None:
        self.program = program
        self.environ = environ
        self.flavour = flavour
        self.spooled = spooled if flavour.is_text else None
        self.more = {"LOGNAME": login, "USER": login} if login and flavour.needs_login else {}

    def read(self) -> bytes:
        done = self._ask("-l")
        if done.code == 0:
            self._refuse_disguise(done.output)
            is_plain = b"\\r" not in done.output and b"\\b" not in done.output
            return done.output if is_plain or not self.flavour.is_escaping else self._unescaped(done.output)
        # Every other failure is one, and must never be taken for "the table is empty".
        code, words = self.flavour.no_table
        if done.code == code and not done.output and words.fullmatch(done.errors):
            return b""
        raise self._refusal(f"`crontab -l` failed: {_said(done)}; nothing was written", done, "scheduler_unreadable")

    def _refuse_disguise(self, listing: bytes) -> None:
        """Raise Stalled if the table is not what `-l` shows: written back from there, it would be another one."""
        if self.spooled is None:
            return
        try:
            table = self.spooled.read_bytes()
        except OSError:
            return
        if table != listing and table.replace(b"\r\n", b"\n").replace(b"\r", b"\n") == listing:
            raise Stalled(
                "the table holds carriage returns, which this cron's crontab program takes out of whatever it writes; "
                "nothing was written",
                code="table_disguised",
            )

    def _refusal(self, message: str, done: proc.Finished, code: str) -> Stalled:
        """Return the error of a failure; macOS says no in words of its own to who lacks a person's consent."""
        is_consent = self.flavour is flavours.MACOS and b"Operation not permitted" in done.errors
        return Stalled(message, code="scheduler_forbidden" if is_consent else code)

    def _unescaped(self, listing: bytes) -> bytes:
        """Return the table behind a listing that may mean two things: `\\r` may be a carriage return or those two letters.

        `crontab -e` hands the very bytes to its editor. An editor that only prints them leaves the table untouched.
        """
        done = self._ask("-e", {"VISUAL": "cat", "EDITOR": "cat"})
        if done.code != 0:
            raise Stalled(f"`crontab -e` failed: {_said(done)}; nothing was written", code="scheduler_unreadable")
        if done.output.replace(b"\r", b"\\r").replace(b"\b", b"\\b") != listing:
            raise Unavailable("the crontab was edited while it was read", code="table_changed", retry_after_s=1)
        return done.output

    def _ask(self, option: str, more: Mapping[str, str] | None = None) -> proc.Finished:
        try:
            return proc.run([self.program, option], environ=self.environ, more={**self.more, **(more or {})})
        except Unavailable as e:
            raise Unavailable(e.message, code="scheduler_unreadable") from e

    def install(self, file: Path) -> None:
        # A file, not standard input: then the message names the line that was refused. By its bare name, in its own folder:
        # Debian's crontab cuts a path after 99 characters and then does not find the file.
        self._change(file.name, file.parent)

    def clear(self) -> None:
        self._change("-r")

    def _change(self, argument: str, folder: Path | None = None) -> None:
        done = proc.run([self.program, argument], environ=self.environ, more=self.more, folder=folder)
        if done.code == 0:
            return
        if _NO_ROOM.search(done.errors):
            raise Unavailable(f"crontab could not write the table: {_said(done)}", code="disk_full", retry_after_s=60)
        raise self._refusal(f"crontab refused the new table: {_said(done)}", done, "table_refused")


def _said(done: proc.Finished) -> str:
    text = done.errors.decode(errors="replace").strip() or "it said nothing"
    return f"exit code {done.code}, {' / '.join(text.splitlines()[:3])[:300]}"


class Crontab:
    """Scheduler over a table.

    command_of: job id -> what cron shall run. backups: folder of the tables that were replaced. lock: see `table_lock`.
    flavour: whose limits count. is_root: whether the table is root's, which some crons let be longer.
    trace: hears of each step of a replacement once it is done. changing: hears of each table and what is about to follow it.
    """

    def __init__(
        self,
        table: Table,
        *,
        endpoint_id: str,
        command_of: Callable[[str], str],
        backups: Path,
        lock: Path,
        flavour: Flavour = flavours.VIXIE,
        is_root: bool = False,
        trace: Callable[[str], None] = log.debug,
        changing: Callable[[bytes, bytes], None] = lambda old, new: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.table = table
        self.endpoint_id = endpoint_id
        self.command_of = command_of
        self.backups = backups
        self.lock = lock
        self.flavour = flavour
        self.is_root = is_root
        self.trace = trace
        self.changing = changing
        self.now = now
        self._foreign = b""
        self._surroundings = Surroundings()
        self._lines: dict[tuple[str, str, bool], bytes] = {}

    def held(self, *, wait_s: float = LOCK_WAIT_S) -> AbstractContextManager[object]:
        return locked(self.lock, wait_s=wait_s)

    def raw(self) -> bytes:
        """Return the table, and learn from it what reaches into our block: see `around`."""
        table = self.table.read()
        foreign = self._outside(table)
        if foreign != self._foreign:
            self._foreign, self._surroundings = foreign, surroundings.read(foreign, self.flavour)
        return table

    def around(self) -> Around:
        """Return what the table that was read last does to our block."""
        keep = keeper(self.flavour.name, self._surroundings.lines)
        return Around(keep, self.flavour.has_reboot, self._surroundings.warnings)

    def _outside(self, table: bytes) -> bytes:
        """Return what stands before and behind our block. What is behind stands before it as soon as we write."""
        name = self.endpoint_id.encode()
        before, _, rest = table.partition(b"# BEGIN CRONTOPUS " + name + b"\n")
        return before + rest.partition(b"# END CRONTOPUS " + name + b"\n")[2]

    def line(self, fields: str, job_id: str, *, is_guarded: bool = False, path: str = "") -> bytes:
        """Return a job's line; the same one is asked for again in every round that finds a change anywhere."""
        line = self._lines.get((fields, job_id, is_guarded))
        if line is None:
            line = self._lines[fields, job_id, is_guarded] = self._make_line(fields, job_id, is_guarded)
        return line

    def _make_line(self, fields: str, job_id: str, is_guarded: bool) -> bytes:
        command = self.command_of(job_id)
        if is_guarded:
            program, _, mark = command.rpartition(" ")
            command = f"{program} --guard {mark}"
        line = f"{fields} {command}".encode(errors="surrogateescape")
        limit = self.flavour.max_command
        if not _PLAIN_COMMAND.fullmatch(command) or (limit and len(line) > limit):
            raise Stalled(f"cron cannot run {command!r} as it stands", code="home_unusable")
        return line

    def find(self, raw: bytes, known: Known) -> Actual:
        return block.find(raw, known)

    def compose(self, actual: Actual, lines: Sequence[bytes]) -> bytes:
        if block.stands(actual.raw, actual.foreign, lines, self.endpoint_id):
            return actual.raw
        return block.compose(actual.foreign, lines, self.endpoint_id, actual.bare_foreign)

    def replace(self, old: bytes, new: bytes) -> Path:
        flavours.refuse_oversize(new, self.flavour, is_root=self.is_root)
        make_private(self.backups)
        saved = self._back_up(old)
        self.trace("backed up")
        staged = self.backups / "next"
        write_file(staged, new)
        self.trace("staged")
        # An editor may have saved since we read. What is left of the window is the time `crontab` takes.
        if self.table.read() != old:
            raise Unavailable("the crontab was edited while we were at it", code="table_changed", retry_after_s=1)
        self.trace("read again")
        self.changing(old, new)
        try:
            self._put(staged, new)
        except Stalled:
            if not new or new.endswith(b"\n") or self.table.read() != old:
                raise
            # The table had no final newline when we came, and this cron does not take one back like that.
            return self.replace(old, new + b"\n")
        self.trace("installed")
        self._verify(old, new)
        self.trace("read back")
        staged.unlink(missing_ok=True)
        return saved

    def _put(self, staged: Path, content: bytes) -> None:
        if content:
            self.table.install(staged)
        else:
            self.table.clear()

    def _verify(self, old: bytes, new: bytes) -> None:
        """Raise unless the table is what we installed; put the old one back if lines that were to stay have gone."""
        found = self.table.read()
        if found == new:
            return
        if found == old:
            raise Unavailable("crontab reported success and left the table as it was", code="table_refused")
        if not lost_lines(old, new, found):
            raise Unavailable("the crontab was edited right after we wrote it", code="table_changed", retry_after_s=1)
        self._back_up(found)
        staged = self.backups / "next"
        write_file(staged, old)
        self.changing(found, old)
        self._put(staged, old)
        raise Stalled("the table that was read back lacks lines that were to stay", code="table_damaged")

    def _back_up(self, table: bytes) -> Path:
        """Save a table unless it is the one saved last, and forget all but the newest."""
        mark = block.digest(table)[:8]
        present = self._saved()
        if present and present[-1].name.endswith(mark) and present[-1].read_bytes() == table:
            return present[-1]
        path = self.backups / f"crontab.{self.now():%Y%m%dT%H%M%S.%fZ}.{mark}"
        write_file(path, table)
        for old in [*present, path][:-KEPT_BACKUPS]:
            old.unlink(missing_ok=True)
        return path

    def _saved(self) -> list[Path]:
        return sorted(self.backups.glob("crontab.*"))


def lost_lines(old: bytes, new: bytes, found: bytes) -> int:
    """Return how many lines that were to stay are missing in what was found."""
    staying = Counter(old.split(b"\n")) & Counter(new.split(b"\n"))
    return (staying - Counter(found.split(b"\n"))).total()
