"""What there is to say about a job, the way a person reads it."""

import shlex
from collections.abc import Iterator

from cli.answers import Body
from cli.tables import Fact, status


def state(job: Body) -> str:
    """Return in one word whether endpoints have it in their schedulers."""
    if not job.get("enabled", True):
        return "disabled"
    return "paused" if job.get("paused") else "scheduled"


def command_line(job: Body) -> str:
    return " ".join([str(job.get("command")), *(shlex.quote(str(arg)) for arg in job.get("args") or [])])


def pairs(job: Body, name: str) -> str | None:
    """Return a map of the job as `a=1, b=2`, None if it is empty."""
    return ", ".join(f"{key}={value}" for key, value in (job.get(name) or {}).items()) or None


def facts(job: Body) -> Iterator[Fact]:
    """Yield what there is to know about a job; what it does not have is None."""
    yield "Name", job.get("name")
    yield "Namespace", job.get("namespace")
    yield "State", status(state(job))
    yield "Schedule", job.get("schedule")
    yield "Command", command_line(job)
    yield "Working dir", job.get("working_dir")
    yield "Environment", pairs(job, "env")
    yield "Shell", job.get("shell")
    yield "Timeout", job.get("timeout")
    yield "Output kept", "nothing" if job.get("output") == "none" else f"last {job.get('max_output_bytes')} bytes"
    yield "Labels", pairs(job, "labels")
    yield "Annotations", pairs(job, "annotations")
    yield "Id", job.get("id")
    yield "File", job.get("path")
    yield "Edit", job.get("url")
