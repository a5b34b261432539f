"""What there is to say about a job, the way a person reads it."""

import shlex
from collections.abc import Iterator

from cli.answers import Body
from cli.tables import Fact, status


def state(job: Body) -> str:
    """Return in one word whether endpoints have it in their schedulers."""
    if job.get("state") == "discovered":
        return "discovered"
    if not job.get("enabled", True):
        return "disabled"
    return "paused" if job.get("paused") else "scheduled"


def command_line(job: Body) -> str:
    if job.get("command") is None:
        return "-"
    return " ".join([str(job["command"]), *(shlex.quote(str(arg)) for arg in job.get("args") or [])])


def pairs(job: Body, name: str) -> str | None:
    """Return a map of the job as `a=1, b=2`, None if it is empty."""
    found = (job.get(name) or {}).items()
    return ", ".join(f"{key}={'|'.join(value) if isinstance(value, list) else value}" for key, value in found) or None


def facts(job: Body) -> Iterator[Fact]:
    """Yield what there is to know about a job; what it does not have is None."""
    yield "Name", job.get("name")
    yield "Namespace", job.get("namespace")
    yield "State", status(state(job))
    yield "Schedule", job.get("schedule")
    yield "Period", job.get("period")
    yield "Time zone", job.get("timezone")
    yield "Command", command_line(job)
    yield "Working dir", job.get("working_dir")
    yield "User", job.get("user")
    yield "Environment", pairs(job, "env")
    yield "Shell", job.get("shell")
    yield "Timeout", job.get("timeout")
    yield "Grace", job.get("grace")
    yield "Runtime", _runtime(job)
    yield "Concurrency", "one at a time" if job.get("concurrency") == "forbid" else None
    yield "Retries", str(job["retry_attempts"]) if job.get("retry_attempts") else None
    yield "Depends on", ", ".join(job.get("depends_on") or []) or None
    yield "Endpoints", pairs(job, "selector")
    yield "Output kept", "nothing" if job.get("output") == "none" else f"last {job.get('max_output_bytes')} bytes"
    yield "Labels", pairs(job, "labels")
    yield "Annotations", pairs(job, "annotations")
    yield "Id", job.get("id")
    yield "File", job.get("path")
    yield "Edit", job.get("url")
    yield "Ping URL", job.get("ping_url")


def _runtime(job: Body) -> str | None:
    bounds = {"at least": job.get("min_runtime"), "at most": job.get("max_runtime")}
    return ", ".join(f"{word} {bound}" for word, bound in bounds.items() if bound) or None
