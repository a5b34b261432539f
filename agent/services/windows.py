"""Windows: a task at the start of the machine for the machine's agent, at logon for a user's.

Task Scheduler is no service manager: it does not watch what it has started. So the task is started again every few minutes;
while the agent runs, that does nothing.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from agent.schedulers.taskxml import NAMESPACE, SYSTEM_SID
from agent.services.base import Remove, Run, Setup, Step, Write

TASK = "CrontopusAgent"
LOOK_EVERY_MIN = 5
# In the order of the schema. It may run for ever, on batteries, once.
SETTINGS = {
    "AllowStartOnDemand": "true",
    "MultipleInstancesPolicy": "IgnoreNew",
    "DisallowStartIfOnBatteries": "false",
    "StopIfGoingOnBatteries": "false",
    "AllowHardTerminate": "true",
    "StartWhenAvailable": "true",
    "RunOnlyIfNetworkAvailable": "false",
    "Enabled": "true",
    "Hidden": "false",
    "ExecutionTimeLimit": "PT0S",
    "Priority": "7",
    "RunOnlyIfIdle": "false",
}


@dataclass(frozen=True, slots=True)
class WindowsTask:
    """program: schtasks.exe. sid: of the user whose agent it is, where it is not the machine's."""

    program: str = "C:\\Windows\\System32\\schtasks.exe"
    sid: str = SYSTEM_SID

    @property
    def name(self) -> str:
        return "Task Scheduler"

    def task(self, setup: Setup) -> str:
        """Return the task's name: the machine's agent has the known one, users' have their own beside it."""
        return TASK if setup.is_root else f"{TASK}-{self.sid}"

    def file(self, setup: Setup) -> Write:
        return Write(setup.home / f"{TASK}.xml", task_xml(setup, self.sid), mode=0o600)

    def install(self, setup: Setup, *, is_new: bool) -> Sequence[Step]:
        create = self._run(setup, "/Create", "/XML", str(self.file(setup).path), "/F")
        return (create, *self.start(setup)) if is_new else self.start(setup)

    def uninstall(self, setup: Setup) -> Sequence[Step]:
        return (*self.stop(setup), self._run(setup, "/Delete", "/F"), Remove(self.file(setup).path))

    def start(self, setup: Setup) -> Sequence[Step]:
        return (self._run(setup, "/Change", "/ENABLE"), self._run(setup, "/Run"))

    def stop(self, setup: Setup) -> Sequence[Step]:
        # Disabled first: it would be started again within minutes.
        return (self._run(setup, "/Change", "/DISABLE"), self._run(setup, "/End", may_fail=True))

    def restart(self, setup: Setup) -> Sequence[Step]:
        return (self._run(setup, "/End", may_fail=True), *self.start(setup))

    def hints(self, setup: Setup) -> Sequence[str]:
        log = f"its log: {setup.home}\\agent.log"
        if setup.is_root:
            return (log,)
        return ("it runs while you are logged on; for a machine that nobody logs on to, install as an administrator", log)

    def _run(self, setup: Setup, verb: str, *options: str, may_fail: bool = False) -> Run:
        return Run((self.program, verb, "/TN", self.task(setup), *options), may_fail=may_fail)


def task_xml(setup: Setup, sid: str) -> bytes:
    """Return the task's definition, UTF-16 with its mark."""
    root = ET.Element("Task", {"version": "1.2", "xmlns": NAMESPACE})
    _texts(_sub(root, "RegistrationInfo"), {"Source": "CRONTOPUS", "Description": "Crontopus agent; `install` writes it anew"})
    _triggers(_sub(root, "Triggers"), setup, sid)
    principal = _sub(_sub(root, "Principals"), "Principal")
    principal.set("id", "Author")
    logon = {} if setup.is_root else {"LogonType": "InteractiveToken"}
    level = "HighestAvailable" if setup.is_root else "LeastPrivilege"
    _texts(principal, {"UserId": SYSTEM_SID if setup.is_root else sid, **logon, "RunLevel": level})
    settings = _sub(root, "Settings")
    _texts(_sub(settings, "RestartOnFailure"), {"Interval": "PT1M", "Count": "255"})
    _texts(settings, SETTINGS)
    actions = _sub(root, "Actions")
    actions.set("Context", "Author")
    command, arguments = _command(setup)
    folder = {"WorkingDirectory": str(setup.folder)} if setup.folder else {}
    _texts(_sub(actions, "Exec"), {"Command": command, "Arguments": arguments, **folder})
    ET.indent(root)
    return ('<?xml version="1.0" encoding="UTF-16"?>\n' + ET.tostring(root, encoding="unicode")).encode("utf-16")


def _triggers(parent: ET.Element, setup: Setup, sid: str) -> None:
    if setup.is_root:
        _texts(_sub(parent, "BootTrigger"), {"Enabled": "true"})
    else:
        _texts(_sub(parent, "LogonTrigger"), {"Enabled": "true", "UserId": sid})
    watch = _sub(parent, "TimeTrigger")
    _texts(watch, {"Enabled": "true", "StartBoundary": "2026-01-01T00:00:00Z"})
    _texts(_sub(watch, "Repetition"), {"Interval": f"PT{LOOK_EVERY_MIN}M", "StopAtDurationEnd": "false"})


def _command(setup: Setup) -> tuple[str, str]:
    """Return program and arguments. A task has no variables of its own, so cmd sets what is needed."""
    program, *rest = setup.command
    if program.lower().endswith("\\python.exe") and not setup.is_root:
        program = program[: -len("python.exe")] + "pythonw.exe"  # the other would show a window for as long as the agent runs
    arguments = subprocess.list2cmdline([*rest, "run", "--as-service"])
    if not setup.environ:
        return program, arguments
    sets = "&& ".join(f'set "{name}={value}"' for name, value in sorted(setup.environ.items()))
    return "%SystemRoot%\\System32\\cmd.exe", f'/d /s /c "{sets}&& "{program}" {arguments}"'


def _sub(parent: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(parent, name)


def _texts(parent: ET.Element, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        _sub(parent, name).text = text
