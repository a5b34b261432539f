"""A task as one line of text, so that tasks are compared, remembered and shown as the lines of a crontab are.

    {"task": "\\\\Crontopus\\\\default\\\\backup-3fa94c21", "job": "5f0c...", "for": "ep-1", "at": ["daily 03:00"], ...}

A table is these lines, sorted. A task in our folder that is not ours is a line with a digest: it is left alone.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree as ET

from agent.schedulers.taskxml import Runner, Task, meaning

SOURCE = "CRONTOPUS "  # and the endpoint's id
MARK = re.compile(r"\bCRONTOPUS:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b")
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))})
_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


def task_path(manifest: str, job_id: str, endpoint_id: str) -> str:
    """Return what a job's task is called: the folder of its namespace, its name, and what tells it from other agents' tasks.

    manifest: its path, namespace/name.yaml. Whatever it is, the answer holds no character that Windows would not take.
    """
    namespace, _, name = manifest.rpartition(".")[0].partition("/")
    own = hashlib.sha256(f"{endpoint_id} {job_id}".encode()).hexdigest()[:8]
    return f"\\Crontopus\\{_name(namespace)}\\{_name(name)}-{own}"


def _name(text: str) -> str:
    plain = _PLAIN.sub("-", text).strip(".-") or "default"
    return f"{plain}_" if plain.lower() in _RESERVED else plain


def line(path: str, job_id: str | None, task: Task) -> bytes:
    """Return the line of a task of ours."""
    facts: dict[str, Any] = {
        "task": path,
        "job": job_id,
        "for": task.source.removeprefix(SOURCE),
        "at": list(task.triggers),
        "as": [task.runner.sid, task.runner.logon],
        "run": task.command,
    }
    if task.odd:
        facts["odd"] = list(task.odd)
    # Last, so that a line ends like one of a crontab: with the program and the job.
    return json.dumps(facts | {"with": task.arguments}).encode()


def line_of(path: str, element: ET.Element, runner: Runner) -> bytes:
    """Return the line of a task as it was found."""
    task = meaning(element, runner)
    found = MARK.search(task.arguments) or MARK.search(task.description)
    if task.source.startswith(SOURCE) and found:
        return line(path, found[1], task)
    whole = hashlib.sha256(ET.tostring(element)).hexdigest()
    return json.dumps({"task": path, "foreign": whole, "with": task.arguments}).encode()


def facts_of(text: bytes) -> dict[str, Any]:
    """Return what a line says. Raise ValueError if it is none."""
    facts: dict[str, Any] = json.loads(text)
    if not isinstance(facts, dict) or not isinstance(facts.get("task"), str):
        raise ValueError("it is no line of a task")
    return facts


def task_of(facts: dict[str, Any]) -> Task:
    """Return the task that a line of ours stands for."""
    sid, logon = facts["as"]
    return Task(
        triggers=tuple(facts["at"]),
        command=facts["run"],
        arguments=facts["with"],
        runner=Runner(sid, logon),
        source=f"{SOURCE}{facts['for']}",
        description=f"CRONTOPUS:{facts['job']}: kept by Crontopus, which undoes changes made here",
    )


def table(lines: Iterable[bytes]) -> bytes:
    """Return the lines as one text, each ended, in order."""
    return b"".join(text + b"\n" for text in sorted(lines))
