"""Windows' Task Scheduler: a job is a task of its own, each replaced in one step, and only those that differ."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from agent.home import locked, make_private, write_file
from agent.schedulers import tasklines
from agent.schedulers.base import Actual, Around, Item, Known
from agent.schedulers.block import digest
from agent.schedulers.schtasks import TaskStore
from agent.schedulers.tasklines import facts_of, line_of, task_of, task_path
from agent.schedulers.taskxml import NAMESPACE, SETTINGS, Runner, Task, to_xml
from agent.schedulers.triggers import split
from chalicelib.domain.errors import Stalled, Unavailable

log = logging.getLogger(__name__)

KEPT_BACKUPS = 10
LOCK_WAIT_S = 10
# However sure the stamp is that nothing has changed.
REREAD_AFTER_S = 600.0


class WinTasks:
    """Scheduler over Task Scheduler. Its table is the lines of `tasklines`, of all tasks in our folder.

    command_of: job id, whether it is guarded -> program and arguments. runner: as whom jobs run. backups, lock, trace,
    changing: as Crontab's.
    """

    def __init__(
        self,
        store: TaskStore,
        *,
        endpoint_id: str,
        runner: Runner,
        command_of: Callable[[str, bool], tuple[str, str]],
        backups: Path,
        lock: Path,
        trace: Callable[[str], None] = log.debug,
        changing: Callable[[bytes, bytes], None] = lambda old, new: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self.endpoint_id = endpoint_id
        self.runner = runner
        self.command_of = command_of
        self.backups = backups
        self.lock = lock
        self.trace = trace
        self.changing = changing
        self.now = now
        self._lines: dict[tuple[str, str, bool, str], bytes] = {}
        # What Windows made of a line of ours -> that line. It may add to a task what we do not know.
        self._told: dict[bytes, bytes] = {}
        self._seen: tuple[object, float, bytes] | None = None

    def held(self, *, wait_s: float = LOCK_WAIT_S) -> AbstractContextManager[object]:
        return locked(self.lock, wait_s=wait_s)

    def raw(self) -> bytes:
        stamp = self.store.stamp()
        if stamp is not None and self._seen and self._seen[0] == stamp and time.monotonic() < self._seen[1]:
            return self._seen[2]
        found = self._table(self.store.read())
        self._seen = (stamp, time.monotonic() + REREAD_AFTER_S, found)
        return found

    def _table(self, found: Mapping[str, ET.Element]) -> bytes:
        lines = (line_of(path, element, self.runner) for path, element in found.items())
        return tasklines.table(self._told.get(line, line) for line in lines)

    def line(self, fields: str, job_id: str, *, is_guarded: bool = False, path: str = "") -> bytes:
        key = (fields, job_id, is_guarded, path)
        line = self._lines.get(key)
        if line is None:
            command, arguments = self.command_of(job_id, is_guarded)
            source = f"{tasklines.SOURCE}{self.endpoint_id}"
            task = Task(tuple(split(fields)), command, arguments, self.runner, source)
            line = self._lines[key] = tasklines.line(task_path(path, job_id, self.endpoint_id), job_id, task)
        return line

    def around(self) -> Around:
        """Return nothing: no task reaches into another."""
        return Around()

    def find(self, raw: bytes, known: Known) -> Actual:
        """Return our tasks and the others in our folder. One that we wrote is ours whatever somebody made of it."""
        written = {facts_of(line)["task"]: job_id for job_id, line in known.lines.items() if line.startswith(b"{")}
        items: list[Item] = []
        foreign: list[bytes] = []
        for line in raw.splitlines():
            facts = facts_of(line)
            if facts.get("for") in known.endpoint_ids:
                items.append(Item(line, facts["job"]))
            elif facts["task"] in written and "foreign" in facts:
                items.append(Item(line, written[facts["task"]]))
            else:
                foreign.append(line)
        return Actual(raw, tasklines.table(foreign), tuple(items))

    def compose(self, actual: Actual, lines: Sequence[bytes]) -> bytes:
        return tasklines.table([*actual.foreign.splitlines(), *lines])

    def replace(self, old: bytes, new: bytes) -> Path:
        before, after = _by_path(old), _by_path(new)
        make_private(self.backups)
        found = self.store.read()
        if self._table(found) != old:
            raise Unavailable("the tasks were edited while we were at it", code="table_changed", retry_after_s=1)
        saved = self._back_up(
            old, [found[path] for path in before.keys() - after.keys() | _changed(before, after) if path in found]
        )
        self.changing(old, new)
        self.trace("saved")
        refused: list[Stalled] = []
        for path, line in _steps(before, after):
            try:
                self._step(path, line)
            except Stalled as e:  # the other jobs shall not wait for this one
                refused.append(e)
        self._seen = None
        self._verify({path: after[path] for path in _changed(before, after)}, refused)
        return saved

    def _step(self, path: str, line: bytes | None) -> None:
        if line is None:
            self.store.delete(path)
            self.trace("deleted")
            return
        facts = facts_of(line)
        if "foreign" in facts:
            raise Stalled(f"{path} is not ours to write; its XML is in {self.backups}", code="task_foreign")
        if "odd" in facts:
            what = ", ".join(facts["odd"])
            raise Stalled(
                f"{path} was edited by hand ({what}); only its XML in {self.backups} can be put back", code="task_refused"
            )
        staged = self.backups / "next.xml"
        write_file(staged, to_xml(task_of(facts), path))
        self.trace("staged")
        self.store.create(path, staged)
        self.trace("created")
        staged.unlink(missing_ok=True)

    def _verify(self, written: Mapping[str, bytes], refused: Sequence[Stalled]) -> None:
        """Raise unless the tasks came back as they were written. Additions that change nothing of importance are learned."""
        if refused:
            more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
            raise Stalled(refused[0].message + more, code=refused[0].code)
        found = self.store.read()
        for path, line in written.items():
            if path not in found:
                raise Unavailable(f"the task {path} was removed right after we wrote it", code="table_changed", retry_after_s=1)
            told = line_of(path, found[path], self.runner)
            if told != line and not _is_harmless(told, line):
                raise Stalled(f"the task {path} came back as another: {told.decode()}", code="task_altered")
            if told != line:
                log.warning("Windows adds to our tasks", extra={"task": path, "odd": facts_of(told)["odd"]})
                self._told[told] = line
        self.trace("read back")

    def _back_up(self, table: bytes, replaced: Sequence[ET.Element]) -> Path:
        """Save the table, and beside it the XML of the tasks that are about to be replaced. The oldest go."""
        path = self.backups / f"tasks.{self.now():%Y%m%dT%H%M%S.%fZ}.{digest(table)[:8]}"
        root = ET.Element("Tasks", {"xmlns": NAMESPACE})
        root.extend(replaced)
        write_file(path.with_name(f"{path.name}.xml"), ET.tostring(root))
        write_file(path, table)
        for old in sorted(self.backups.glob("tasks.*"))[: -2 * KEPT_BACKUPS]:
            old.unlink(missing_ok=True)
        return path


def _by_path(text: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for line in text.splitlines():
        path = facts_of(line)["task"]
        if path in found:
            raise Stalled(f"somebody else's task stands where ours belongs: {path}", code="task_foreign")
        found[path] = line
    return found


def _changed(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> set[str]:
    return {path for path, line in after.items() if before.get(path) != line}


def _steps(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[tuple[str, bytes | None]]:
    """Yield path and new line, None to delete it; a job that moves has its new task before it loses the old one."""
    steps = [(str(facts_of(after[path]).get("job")), 0, path) for path in _changed(before, after)]
    steps += [(str(facts_of(before[path]).get("job")), 1, path) for path in before.keys() - after.keys()]
    for _, _, path in sorted(steps):
        yield path, after.get(path)


def _is_harmless(told: bytes, line: bytes) -> bool:
    """Tell whether what came back is what was written and nothing but settings that we do not know."""
    facts = facts_of(told)
    odd = facts.pop("odd", ())
    is_known = any(one.partition("=")[0] in SETTINGS or one.startswith("action ") for one in odd)
    return not is_known and json.dumps(facts).encode() == line
