"""Carrying out what a service manager asks for, or telling it."""

import codecs
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from shlex import join

from agent import proc
from agent.home import write_file
from agent.services.base import Remove, Run, Step, Write
from chalicelib.domain.errors import CrontopusError, Stalled

TIMEOUT_S = 120
# What a command for the user's own manager needs to find it.
SESSION = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "XDG_CONFIG_HOME")


def told(step: Step) -> str:
    """Return the step in words."""
    if isinstance(step, Write):
        return f"write {step.path}"
    return f"remove {step.path}" if isinstance(step, Remove) else join(step.command)


def shown(steps: Sequence[Step]) -> Iterator[str]:
    """Return what a dry run prints: every step, and files in full."""
    for step in steps:
        yield f"would {told(step)}" if not isinstance(step, Run) else f"would run: {told(step)}"
        if isinstance(step, Write):
            yield _text(step.content).replace("\r\n", "\n")


def _text(content: bytes) -> str:
    """Return a file's text; Task Scheduler's is UTF-16 and begins with its mark."""
    is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if is_wide else "utf-8", errors="replace")


def carry_out(
    steps: Sequence[Step], environ: Mapping[str, str], say: Callable[[str], None], more: Mapping[str, str] | None = None
) -> None:
    """Do the steps in their order. more: variables that their commands get besides; see `session`.

    Raise Stalled with what the system said at the first that fails and may not.
    """
    for step in steps:
        say(f"  + {told(step)}")
        if isinstance(step, Write):
            _write(step)
        elif isinstance(step, Remove):
            _remove(step.path)
        else:
            _run(step, environ, more or {})


def session(environ: Mapping[str, str], uid: int, runtime: Path = Path("/run/user")) -> dict[str, str]:
    """Return the variables that lead to the user's own manager; without a login session, as after `su`, its usual place."""
    found = {key: environ[key] for key in SESSION if environ.get(key)}
    usual = runtime / str(uid)
    return found if "XDG_RUNTIME_DIR" in found or not usual.is_dir() else found | {"XDG_RUNTIME_DIR": str(usual)}


def _write(step: Write) -> None:
    try:
        step.path.parent.mkdir(parents=True, exist_ok=True)
        write_file(step.path, step.content, mode=step.mode)
    except OSError as e:
        raise Stalled(f"{step.path.parent} cannot be made: {e.strerror}", code="service_refused") from e


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as e:
        raise Stalled(f"{path} cannot be removed: {e.strerror}", code="service_refused") from e


def _run(step: Run, environ: Mapping[str, str], more: Mapping[str, str]) -> None:
    try:
        done = proc.run(step.command, environ=environ, more=more, timeout_s=TIMEOUT_S)
    except CrontopusError:
        if step.may_fail:
            return
        raise
    if done.code and not step.may_fail:
        said = (done.errors or done.output).decode(errors="replace").strip()[:2000]
        raise Stalled(f"`{join(step.command)}` failed with exit code {done.code}: {said}", code="service_refused")
