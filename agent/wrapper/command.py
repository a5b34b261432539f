"""What the agent puts on the host for its jobs: the program that runs them, a file for each, the words that call it."""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent import home as homes
from agent.system import system
from agent.wrapper import script
from chalicelib.domain import ids
from chalicelib.domain.errors import Stalled
from chalicelib.domain.manifest import Job

_UNUSED_S = 7 * 86400
_PLAIN = "/._-+@,:"  # besides letters and digits: means nothing to cron or a shell inside a word


def install(directory: Path, interpreter: Path) -> Path:
    """Write D/bin/run-job unless it is there already, and return its path.

    interpreter: CPython 3.9 or newer. Best is one that outlives us, such as /usr/bin/python3: where it vanishes, jobs stop.
    Raise Stalled if no script can name it.
    """
    if sys.platform == "win32":
        return install_for_windows(directory)
    path = directory / "bin" / "run-job"
    _keep(path, script.script(interpreter).encode(), 0o755)
    code = path.with_name("run-job.code")
    if not code.exists() or not code.read_bytes().startswith(script.key(path)):
        homes.write_file(code, script.compiled(path))
    return path


def install_for_windows(directory: Path) -> Path:
    """Write D/bin/run-job.py unless it is there already, and return its path; tidy up after jobs that have gone."""
    path = directory / "bin" / "run-job.py"
    _keep(path, script.windows_program().encode(), 0o600)
    for left in [*(directory / "jobs").glob("*.cmd"), *(directory / "jobs").glob("*.ps1")]:
        # Not at once: a shell reads its script while it runs.
        if not _job_file(directory, left.name[:36]).exists() and time.time() - left.stat().st_mtime > _UNUSED_S:
            left.unlink(missing_ok=True)
    return path


def write_job(directory: Path, job: Job, commit: str | None, extras: Mapping[str, Any] | None = None) -> Path:
    """Write what run-job has to know about the job, unless it is there already, and return the file's path.

    commit: what the definition came from; it is reported with every run. extras: what it has to know beyond the manifest.
    """
    if job.id is None:
        raise Stalled(f"job {job.namespace}/{job.name} has no id yet; it gets one by a commit of the control plane")
    content = {
        "id": job.id,
        "name": job.name,
        "namespace": job.namespace,
        "command": job.command,
        "args": list(job.args),
        "working_dir": job.working_dir,
        "env": dict(job.env),
        "shell": job.shell,
        "timeout_s": job.timeout_s,
        "output": job.output,
        "max_output_bytes": job.max_output_bytes,
        "commit": commit,
    }
    if more := {**_more(job), **(extras or {})}:
        content["more"] = more
    path = _job_file(directory, job.id)
    _keep(path, json.dumps(content, ensure_ascii=True).encode() + b"\n", 0o600)
    return path


def _more(job: Job) -> dict[str, Any]:
    """Return what most jobs do not ask for; run-job takes its shortest way where there is nothing of it."""
    asked: dict[str, Any] = {
        "is_silent": not job.is_reported,
        "is_alone": job.concurrency == "forbid",
        "nice": job.nice,
        "io_class": job.io_class,
        "memory_bytes": job.memory_bytes,
        "cpu": job.cpu,
    }
    if job.retry_attempts:
        is_growing = job.retry_backoff == "exponential"
        asked["retry"] = {"attempts": job.retry_attempts, "delay_s": job.retry_delay_s, "is_growing": is_growing}
    return {key: value for key, value in asked.items() if value is not None and value is not False}


def remove_job(directory: Path, job_id: str) -> None:
    """Remove the job's file and what its runs left, if it is there. Its line in the crontab has to be gone before."""
    _job_file(directory, job_id).unlink(missing_ok=True)
    for folder in ("locks", "results"):
        (directory / folder / job_id).unlink(missing_ok=True)


def crontab_command(directory: Path, job_id: str) -> str:
    """Return what stands behind the schedule: plain words for every cron and every SHELL.

    Raise Stalled if D's path has a character that one of them would not take literally.
    """
    path = directory / "bin" / "run-job"
    strange = sorted({c for c in str(path) if not c.isalnum() and c not in _PLAIN})
    if strange or not path.is_absolute():
        what = f"contains {' '.join(map(repr, strange))}" if strange else "is not absolute"
        raise Stalled(
            f"{path} {what}, which a crontab line cannot hold; set CRONTOPUS_HOME to a plain absolute path",
            code="home_unusable",
        )
    return f"{path} CRONTOPUS:{job_id}"


def _job_file(directory: Path, job_id: str) -> Path:
    if not ids.is_uuid(job_id, 4):
        raise Stalled(f"{job_id!r} is no id of a job")
    return directory / "jobs" / f"{job_id}.yaml"


def _keep(path: Path, content: bytes, mode: int) -> None:
    """Make the file be this, in one step: a job that starts meanwhile sees the old file or the new one."""
    has_mode = not system.HAS_MODES or (path.exists() and path.stat().st_mode & 0o777 == mode)
    if has_mode and path.exists() and path.read_bytes() == content:
        return
    homes.make_private(path.parent)
    homes.write_file(path, content, mode=mode)
