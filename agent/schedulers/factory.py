"""Which scheduler this machine has: Windows' Task Scheduler, or its user's crontab."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from agent import audit
from agent.audit_facts import of_table
from agent.config import Config
from agent.home import Home, table_lock
from agent.machine import scheduler_flavour
from agent.schedulers import flavours
from agent.schedulers.base import Scheduler
from agent.schedulers.crontab import SPOOL, Crontab, CrontabProgram
from agent.schedulers.schtasks import Schtasks
from agent.schedulers.taskxml import SYSTEM, Runner
from agent.schedulers.wintasks import WinTasks
from agent.system import system
from agent.wrapper.command import crontab_command
from chalicelib.domain.errors import Stalled


def open_scheduler(home: Home, config: Config, environ: Mapping[str, str], uid: int) -> Scheduler:
    """Return this machine's scheduler."""

    # Before, not after: a crash in between leaves an entry for a change that was not made, never a change without an entry.
    def changing(old: bytes, new: bytes) -> None:
        audit.record(home, "table", of_table(old, new))

    if sys.platform == "win32":
        runner = SYSTEM if uid == 0 else Runner(system.account()[1], "InteractiveToken", system.login_of(uid))
        # A virtual environment's Python is a link: what it points at outlives it.
        python = Path(getattr(sys, "_base_executable", sys.executable))
        if uid == 0:
            refuse_open_python(str(python), environ)
        return open_tasks(home, config.endpoint_id, environ, runner, python, changing)
    flavour, login = flavours.here(scheduler_flavour(config.crontab, environ)), system.login_of(uid)
    return Crontab(
        CrontabProgram(config.crontab, environ, flavour, login=login, spooled=SPOOL / login),
        endpoint_id=config.endpoint_id,
        command_of=lambda job_id: crontab_command(home.directory, job_id),
        backups=home.backups,
        lock=table_lock(home, uid),
        flavour=flavour,
        is_root=uid == 0,
        changing=changing,
    )


def open_tasks(
    home: Home,
    endpoint_id: str,
    environ: Mapping[str, str],
    runner: Runner,
    python: Path,
    changing: Callable[[bytes, bytes], None] = lambda old, new: None,
) -> WinTasks:
    """Return Task Scheduler as this agent uses it. runner: as whom jobs run. python: what runs run-job."""
    if runner.logon == "InteractiveToken" and (windowless := python.with_name("pythonw.exe")).is_file():
        python = windowless  # in somebody's session each start of the other would show a window
    return WinTasks(
        Schtasks(environ),
        endpoint_id=endpoint_id,
        runner=runner,
        command_of=lambda job_id, is_guarded: task_command(str(python), str(home.run_job), job_id, is_guarded=is_guarded),
        backups=home.backups,
        lock=home.directory / "table.lock",
        changing=changing,
    )


def refuse_open_python(python: str, environ: Mapping[str, str]) -> None:
    """Raise Stalled unless only administrators can change the program that would run jobs as SYSTEM."""
    closed = [environ.get(name) for name in ("PROGRAMFILES", "PROGRAMW6432", "PROGRAMFILES(X86)", "SYSTEMROOT")]
    if not any(python.casefold().startswith(f"{folder}\\".casefold()) for folder in closed if folder):
        raise Stalled(f"{python} may be changed by others than administrators; jobs would run it as SYSTEM", code="python_open")


def task_command(python: str, run_job: str, job_id: str, *, is_guarded: bool) -> tuple[str, str]:
    """Return what a task starts, and its arguments.

    Raise Stalled if a path has what Task Scheduler, or the listing of its tasks, would not take literally.
    """
    for path in (python, run_job):
        if not path.isascii() or not path.isprintable() or any(mark in path for mark in ("%", '"', "$(")):
            raise Stalled(
                f"{path!r} cannot stand in a task; set CRONTOPUS_HOME, or install Python, where the path is plain ASCII",
                code="home_unusable",
            )
    guard = ["--guard"] if is_guarded else []
    return python, subprocess.list2cmdline(["-I", "-S", run_job, *guard, f"CRONTOPUS:{job_id}"])
