"""A crontab as jobs, and jobs as a crontab: lines that people wrote in, manifests out, and back."""

import shlex
from collections.abc import Iterator, Sequence
from functools import partial

from chalicelib.domain import crontab_commands, crontab_lines
from chalicelib.domain.checks_import import Imported, Names, checked
from chalicelib.domain.crontab_lines import Line, Placed
from chalicelib.domain.errors import Invalid
from chalicelib.domain.manifest import Job

OUR_MARK = b"CRONTOPUS:"
_FOR_CRON = frozenset({"SHELL", "MAILTO", "MAILFROM", "CRON_TZ", "TZ"})


def from_crontab(text: str, given: Names, *, has_users: bool = False) -> list[Imported]:
    """Return the jobs of a crontab. has_users: each line names a login after its schedule, as in /etc/crontab.

    Lines that an agent of ours wrote are left out. Variables hold for the lines below them, as cron reads it.
    """
    variables: dict[bytes, bytes] = {}
    found = []
    # A file that came by way of Windows means no carriage return in its commands.
    for line in crontab_lines.lines(text.replace("\r\n", "\n").encode(errors="replace"), has_users=has_users):
        if line.kind == "variable":
            variables = {**variables, line.name: line.value}
        elif line.kind in ("job", "unknown") and OUR_MARK not in line.raw:
            placed = Placed(line, variables)
            found.append(checked(line.raw.decode().strip(), partial(_job_of, line, placed, given)))
    return found


def _job_of(line: Line, placed: Placed, given: Names) -> Imported:
    if line.kind != "job":
        raise Invalid.of({"line": "is neither a schedule with a command nor a variable"})
    variables = {name.decode(): value.decode() for name, value in placed.variables.items()}
    shell, raw = placed.shell.decode(), line.command.decode().strip()
    command = crontab_commands.for_manifest(raw, shell)
    if command is None:
        raise Invalid.of({"line": f"has a % that cron turns into input, which {shell} cannot say; write this job by hand"})
    job = Job(
        id=None,
        name=given.free(crontab_commands.program_of(raw)),
        namespace=given.namespace,
        schedule=line.schedule.decode(),
        command=command,
        env={name: value for name, value in variables.items() if name not in _FOR_CRON},
        user=line.user.decode() or None,
        shell=shell,
        timezone=variables.get("CRON_TZ"),
    )
    notes = ["its output was mailed: see spec.alerts"] if variables.get("MAILTO") else []
    notes += ["has two backslashes, of which Debian's cron makes one: look at it"] if "\\\\" in raw else []
    return Imported(line.raw.decode().strip(), job, tuple(notes))


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
