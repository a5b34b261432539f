"""A job's task as Windows' Task Scheduler takes it: XML, and back from XML to what it means.

The XML is written with everything said that has a default. What comes back is compared by meaning: Windows adds elements,
changes their order and leaves out what is as by default.
"""

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from agent.schedulers.task_triggers import read_trigger, write_triggers
from chalicelib.domain.errors import Stalled

NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
SYSTEM_SID = "S-1-5-18"

# Element -> what we say, what it means where it is missing. MS-TSCH, 2.5.4. Overlapping runs are run-job's business, as under
# cron; 5 is the normal priority, of processor and disk.
SETTINGS = {
    "MultipleInstancesPolicy": ("Parallel", "IgnoreNew"),
    "DisallowStartIfOnBatteries": ("false", "true"),
    "StopIfGoingOnBatteries": ("false", "true"),
    "AllowHardTerminate": ("true", "true"),
    "StartWhenAvailable": ("false", "false"),
    "RunOnlyIfNetworkAvailable": ("false", "false"),
    "AllowStartOnDemand": ("true", "true"),
    "Enabled": ("true", "true"),
    "Hidden": ("false", "false"),
    "RunOnlyIfIdle": ("false", "false"),
    "WakeToRun": ("false", "false"),
    "ExecutionTimeLimit": ("PT0S", "PT72H"),
    "Priority": ("5", "7"),
}
# What may be there besides without changing when or how a job runs.
_HARMLESS = {"IdleSettings", "UseUnifiedSchedulingEngine", "NetworkSettings", "NetworkProfileName", "DeleteExpiredTaskAfter"}
_PARTS = {"RegistrationInfo", "Triggers", "Principals", "Settings", "Actions", "Data"}
_COMMENT = re.compile(r"<!--(.*?)-->")
DOUBLE_HYPHEN = "\ufffc"  # stands for two hyphens in a comment
_UNSAYABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Runner:
    """As whom tasks run. sid: of the user. logon: ServiceAccount for SYSTEM, S4U (logged on or not) or InteractiveToken.

    login: its name, by which some versions of Windows give the sid back.
    """

    sid: str
    logon: str
    login: str = ""

    @property
    def level(self) -> str:
        return "LeastPrivilege" if self.logon == "InteractiveToken" else "HighestAvailable"


SYSTEM = Runner(SYSTEM_SID, "ServiceAccount", "SYSTEM")


@dataclass(frozen=True, slots=True)
class Task:
    """What a task means. triggers: see `triggers`; those nobody of us wrote begin with a question mark.

    source: who wrote it. odd: what else about it is not as we write it.
    """

    triggers: tuple[str, ...]
    command: str
    arguments: str
    runner: Runner
    source: str
    description: str = ""
    odd: tuple[str, ...] = ()


def to_xml(task: Task, path: str) -> bytes:
    """Return the file that `schtasks /Create /XML` takes. Raise Stalled if a character cannot stand in XML."""
    root = ET.Element("Task", {"version": "1.2", "xmlns": NAMESPACE})
    about = _add(root, "RegistrationInfo")
    for name, text in (("Source", task.source), ("URI", path), ("Description", task.description)):
        _add(about, name, text)
    write_triggers(_add(root, "Triggers"), task.triggers)
    principal = _add(_add(root, "Principals"), "Principal")
    principal.set("id", "Author")
    _add(principal, "UserId", task.runner.sid)
    if task.runner.logon != "ServiceAccount":  # which Windows knows by the sid, and the schema does not
        _add(principal, "LogonType", task.runner.logon)
    _add(principal, "RunLevel", task.runner.level)
    settings = _add(root, "Settings")
    for name, (ours, _) in SETTINGS.items():
        _add(settings, name, ours)
    actions = _add(root, "Actions")
    actions.set("Context", "Author")
    run = _add(actions, "Exec")
    _add(run, "Command", task.command)
    _add(run, "Arguments", task.arguments)
    ET.indent(root)
    return ('<?xml version="1.0" encoding="UTF-16"?>\n' + ET.tostring(root, encoding="unicode")).encode("utf-16")


def _add(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
    if text is not None and _UNSAYABLE.search(text):
        raise Stalled(f"{name} {text!r} holds a character that no task can hold", code="task_refused")
    element = ET.SubElement(parent, name)
    element.text = text
    return element


def parse(xml: str) -> ET.Element:
    """Return the root element. Raise ValueError if it is no XML, or has a document type: entities are never expanded."""
    if "<!DOCTYPE" in xml or "<!ENTITY" in xml:
        raise ValueError("a document type is not taken")
    text = xml[xml.index("?>") + 2 :] if xml.lstrip("\ufeff \r\n").startswith("<?xml") else xml
    # schtasks puts the names of tasks into comments, as they stand; two hyphens must not be in one.
    text = _COMMENT.sub(lambda found: f"<!--{found[1].replace('--', DOUBLE_HYPHEN)}-->", text)
    builder = ET.TreeBuilder(insert_comments=True)
    try:
        return ET.fromstring(text.strip("\ufeff \r\n\0"), ET.XMLParser(target=builder))  # noqa: S314 - see above
    except ET.ParseError as e:
        raise ValueError(f"it is no XML: {e}") from e


def meaning(root: ET.Element, runner: Runner) -> Task:
    """Return what a Task element means. runner: as whom ours run; under its other name it is still the same."""
    strip_namespace(root)
    odd = [f"{part.tag}" for part in root if _is_element(part) and part.tag not in _PARTS]
    actions, about = root.find("Actions"), root.find("RegistrationInfo")
    steps = [step for step in (actions if actions is not None else ()) if _is_element(step)]
    run = steps[0] if steps and steps[0].tag == "Exec" else ET.Element("Exec")
    odd += [f"action {step.tag}" for step in steps[1:] or steps[: run is not steps[0]] if steps]
    odd += [f"{one.tag}={_text(run, one.tag)}" for one in run if _is_element(one) and one.tag not in ("Command", "Arguments")]
    about = about if about is not None else ET.Element("RegistrationInfo")
    triggers = root.find("Triggers")
    return Task(
        triggers=tuple(read_trigger(one) for one in (triggers if triggers is not None else ()) if _is_element(one)),
        command=_text(run, "Command"),
        arguments=_text(run, "Arguments"),
        runner=_runner(root.find("Principals/Principal"), runner),
        source=_text(about, "Source"),
        description=_text(about, "Description"),
        odd=(*odd, *_odd_settings(root.find("Settings"))),
    )


def _is_element(one: ET.Element) -> bool:
    return isinstance(one.tag, str)  # a comment's is a function


def strip_namespace(root: ET.Element) -> None:
    """Name the elements of the schema without its address."""
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.removeprefix("{" + NAMESPACE + "}")


def _odd_settings(settings: ET.Element | None) -> list[str]:
    found = {one.tag: (one.text or "").strip() for one in (settings if settings is not None else ()) if _is_element(one)}
    known = {name: found.pop(name, default) for name, (_, default) in SETTINGS.items()}
    odd = [f"{name}={known[name]}" for name, (ours, _) in SETTINGS.items() if known[name] != ours]
    return odd + [f"{name}={value}" for name, value in sorted(found.items()) if name not in _HARMLESS and value != "false"]


def _runner(principal: ET.Element | None, ours: Runner) -> Runner:
    """Return as whom a task runs; `ours` where it is the very same."""
    if principal is None:
        return Runner("", "InteractiveToken")
    user, logon = _text(principal, "UserId"), _text(principal, "LogonType")
    level = _text(principal, "RunLevel") or "LeastPrivilege"
    names = {ours.sid.casefold(), ours.login.casefold()} - {""}
    is_ours = bool({user.casefold(), user.rpartition("\\")[2].casefold()} & names)
    if is_ours and level == ours.level and logon in ({"", "ServiceAccount"} if ours.sid == SYSTEM_SID else {ours.logon}):
        return ours
    return Runner(user or _text(principal, "GroupId"), f"{logon or 'by default'}, {level}")


def _text(parent: ET.Element, name: str) -> str:
    return (parent.findtext(name) or "").strip()
