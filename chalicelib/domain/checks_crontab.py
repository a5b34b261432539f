"""A crontab as jobs, and jobs as a crontab: lines that people wrote in, manifests out, and back."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from posixpath import basename, splitext

from chalicelib.domain.checks_import import Imported, Names, checked
from chalicelib.domain.errors import Invalid
from chalicelib.domain.manifest import Job

OUR_MARK = "CRONTOPUS:"
_VARIABLE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|'[^']+'|\"[^\"]+\")\s*=\s*(.*?)\s*")
_LINE = re.compile(r"(@[a-z]+|(?:\S+[ \t]+){4}\S+)[ \t]+(.*)", re.DOTALL)
_FOR_CRON = frozenset({"SHELL", "MAILTO", "MAILFROM", "CRON_TZ"})
# What only starts a shell, or only waits or limits, says nothing about what a job is.
_PLAIN = re.compile(r"(?:/\S*/)?(?:cd|test|nice|ionice|timeout|sudo|env|flock|chronic|bash|sh|python3?|perl|php|\[)")


@dataclass(slots=True)
class _Table:
    """What the lines above say about those below."""

    variables: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def from_crontab(text: str, given: Names, *, has_users: bool = False) -> list[Imported]:
    """Return the jobs of a crontab. has_users: each line names a login after its schedule, as in /etc/crontab.

    Lines that an agent of ours wrote are left out. Variables hold for the lines below them, as cron reads it.
    """
    table, found = _Table(), []
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith("#") or OUR_MARK in line:
            continue
        variable = _VARIABLE.fullmatch(line)
        if variable and not line.lstrip().startswith(("@", "*")):
            table.variables[_bare(variable[1])] = _bare(variable[2])
            continue
        found.append(checked(stripped, partial(_job_of, stripped, table, given, has_users)))
    return found


def _bare(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _job_of(line: str, table: _Table, given: Names, has_users: bool) -> Imported:
    parts = _LINE.fullmatch(line)
    if not parts:
        raise Invalid.of({"line": "is neither a schedule with a command nor a variable"})
    schedule, command, user = parts[1], parts[2], None
    if has_users:
        user, _, command = command.partition(" ")
        command = command.lstrip()
    if re.search(r"(?<!\\)%", command):
        raise Invalid.of({"line": "has a % that cron turns into a new line of input; write this job by hand"})
    env = {
        name: value for name, value in table.variables.items() if name not in ("SHELL", "MAILTO", "MAILFROM", "CRON_TZ", "TZ")
    }
    notes = ["its output was mailed: see spec.alerts"] if table.variables.get("MAILTO") else []
    job = Job(
        id=None,
        name=given.free(_name_of(command)),
        namespace=given.namespace,
        schedule=schedule,
        command=command.replace("\\%", "%"),
        env=env,
        user=user,
        shell=table.variables.get("SHELL", "/bin/sh"),
        timezone=table.variables.get("CRON_TZ"),
    )
    return Imported(line, job, tuple(notes))


def _name_of(command: str) -> str:
    """Return what a person would call this: the first program or file that says something."""
    for word in re.split(r"[\s;&|()]+", command):
        stem = splitext(basename(word.strip("\"'")))[0]
        if stem and not _PLAIN.fullmatch(word) and not word.startswith(("-", "$", ">", "<")) and "=" not in word:
            if word.endswith("/") or (word.startswith("/") and command.startswith("cd") and word in command.split()[1:2]):
                continue
            if re.search("[a-z]", stem, re.IGNORECASE):
                return stem
    return "job"


def to_crontab(jobs: Sequence[Job]) -> Iterator[str]:
    """Yield the lines of a crontab that does what these jobs do where no agent is, each below a line that names it.

    What cron cannot do (limits of time, retries, zones of single jobs) is said in a comment.
    """
    for job in jobs:
        if job.is_pinged or not job.schedule or not job.command:
            continue
        yield f"# {job.reference}{''.join(f'; {note}' for note in _lost(job))}"
        line = f"{job.schedule} {_command_line(job)}"
        is_off = not job.is_scheduled or "\n" in job.command
        yield f"# {line}".replace("\n", "\n# ") if is_off else line


def _lost(job: Job) -> Iterator[str]:
    if "\n" in job.command if job.command else False:
        yield "its command has several lines, which a crontab cannot hold"
    if not job.is_scheduled:
        yield "paused or disabled"
    if job.timezone:
        yield f"its times are those of {job.timezone}"
    if job.retry_attempts:
        yield "is not tried again"
    if job.depends_on:
        yield "does not wait for others"


def _command_line(job: Job) -> str:
    words = [job.command or "", *(shlex.quote(item) for item in job.args)]
    command = " ".join(words)
    if job.shell != "/bin/sh":
        command = f"{shlex.quote(job.shell)} -c {shlex.quote(command)}"
    if job.timeout_s:
        command = f"timeout {job.timeout_s} /bin/sh -c {shlex.quote(command)}"
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in job.env.items())
    folder = f"cd {shlex.quote(job.working_dir)} && " if job.working_dir else ""
    exports = f"export {variables}; " if variables else ""
    return (folder + exports + command).replace("%", "\\%")
