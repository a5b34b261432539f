"""The door to Task Scheduler: `schtasks.exe`, of which only exit codes and XML are read; its words are in Windows' language."""

import codecs
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree as ET

from agent import proc
from agent.schedulers.taskxml import DOUBLE_HYPHEN, parse, strip_namespace
from chalicelib.domain.errors import CrontopusError, Stalled, Unavailable

FOLDER = "\\Crontopus\\"
TIMEOUT_S = 60  # a machine has some hundred tasks, and a server at work takes its time

# The codes that `/HRESULT` makes schtasks end with.
_DENIED = {0x80070005, 5}
_MISSING = {0x80070002, 0x80070003}
_STOPPED = {0x80041315, 0x80070422, 0x800706BA, 0x800706B5, 0x80041323}
_ACCOUNT = {0x80070534, 0x8007052E, 0x8007052F, 0x80070569, 0x8004130F, 0x80041314, 0x80041310}
Run = Callable[..., proc.Finished]


class TaskStore(Protocol):
    """Task Scheduler's tasks below our folder."""

    def read(self) -> dict[str, ET.Element]:
        """Return path -> Task element, without namespace. Raise Stalled or Unavailable if that is not certain."""

    def create(self, path: str, file: Path) -> None:
        """Make the file's XML the task of that path, in place of one that is there."""

    def delete(self, path: str) -> None:
        """Remove a task; nothing happens if it is not there."""

    def stamp(self) -> object | None:
        """Return what differs whenever a task has changed, None if that cannot be told without reading them."""


class Schtasks:
    """TaskStore through schtasks.exe.

    folder: where Windows keeps the files of our tasks, to notice at no cost that nothing has changed.
    """

    def __init__(self, environ: Mapping[str, str], *, run: Run = proc.run, folder: Path | None = None) -> None:
        root = environ.get("SYSTEMROOT") or "C:\\Windows"
        # Its whole path: Windows would look for a bare name in the current folder first.
        self.program = f"{root}\\System32\\schtasks.exe"
        self.environ = environ
        self.run = run
        self.folder = folder or Path(f"{root}\\System32\\Tasks\\Crontopus")

    def read(self) -> dict[str, ET.Element]:
        return {path: task for path, task in self.everything().items() if path.casefold().startswith(FOLDER.casefold())}

    def everything(self) -> dict[str, ET.Element]:
        """Return the tasks of the whole machine, as far as we may see them."""
        done = self._ask("/Query", "/XML", "ONE")
        if done.code != 0:
            raise _refused(done, "the tasks cannot be read", "scheduler_unreadable")
        try:
            return _by_path(parse(decoded(done.output)))
        except (ValueError, LookupError) as e:
            raise Stalled(f"what schtasks says of the tasks cannot be read: {e}", code="scheduler_unreadable") from e

    def create(self, path: str, file: Path) -> None:
        done = self._ask("/Create", "/TN", path, "/XML", str(file), "/F")
        if done.code != 0:
            raise _refused(done, f"the task {path} cannot be written", "task_refused")

    def delete(self, path: str) -> None:
        done = self._ask("/Delete", "/TN", path, "/F")
        if done.code != 0 and _code(done) not in _MISSING:
            raise _refused(done, f"the task {path} cannot be removed", "task_refused")

    def stamp(self) -> object | None:
        try:
            found = [(str(path), path.stat()) for path in sorted(self.folder.rglob("*"))] if self.folder.is_dir() else None
        except OSError:
            return None
        # Missing may mean hidden from us, so it says nothing.
        return found and [(path, stat.st_size, stat.st_mtime_ns) for path, stat in found]

    def _ask(self, *arguments: str) -> proc.Finished:
        return self.run([self.program, *arguments, "/HRESULT"], environ=self.environ, timeout_s=TIMEOUT_S)


def decoded(output: bytes) -> str:
    """Return the text of a program that writes UTF-16 or UTF-8 with their marks, or in the code page of the console.

    Our tasks are plain ASCII, so what another page makes of the others' letters does not matter.
    """
    if output.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return output.decode("utf-16")
    if output[1:2] == b"\0":
        return output.decode("utf-16-le")
    try:
        return output.decode("utf-8-sig")
    except UnicodeDecodeError:
        return output.decode("latin-1")


def _by_path(root: ET.Element) -> dict[str, ET.Element]:
    """Return path -> task of `<Tasks><!-- path --><Task>...`; a task without a path before it says its own."""
    strip_namespace(root)
    found: dict[str, ET.Element] = {}
    path = ""
    for child in [root] if root.tag == "Task" else root:
        if not isinstance(child.tag, str):
            path = (child.text or "").strip().replace(DOUBLE_HYPHEN, "--")
        elif child.tag == "Task":
            found[path or (child.findtext("RegistrationInfo/URI") or "").strip()] = child
            path = ""
    return found


def _code(done: proc.Finished) -> int:
    return done.code & 0xFFFFFFFF


def _refused(done: proc.Finished, what: str, otherwise: str) -> CrontopusError:
    """Return the error that an exit code stands for. What schtasks said is passed on for a person, not read."""
    code = _code(done)
    said = " / ".join(decoded(done.errors or done.output).split("\n")[:2]).strip()[:200]
    text = f"{what}: schtasks ended with 0x{code:08X}" + (f", {said}" if said else "")
    if code in _STOPPED:
        return Unavailable(text, code="scheduler_stopped", retry_after_s=30)
    if code in _DENIED:
        return Stalled(text, code="task_denied")
    if code in _ACCOUNT:
        return Stalled(text, code="task_account")
    return Stalled(text, code=otherwise)
