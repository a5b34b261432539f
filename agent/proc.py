"""The one door to other programs."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chalicelib.domain.errors import Stalled, Unavailable

# What a child needs to find its user and its files. The rest stays here: it may hold secrets or change what a program says.
KEPT = (
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR"),
    # Without these nothing starts on Windows.
    *("SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "TEMP", "TMP"),
    *("USERPROFILE", "PROGRAMDATA", "LOCALAPPDATA", "APPDATA"),
)


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended. code: its exit code, negative for the signal that ended it."""

    code: int
    output: bytes
    errors: bytes


def run(
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    more: Mapping[str, str] | None = None,
    folder: Path | None = None,
    timeout_s: float = 20,
) -> Finished:
    """Run a program to its end and return what it said, in the C locale.

    environ: of which it gets what KEPT names. more: variables it gets besides. folder: where it starts, by default here.
    Raise Stalled if it cannot be started, Unavailable if it takes too long; then it and its children are killed.
    """
    environment = {key: environ[key] for key in KEPT if key in environ} | {"LC_ALL": "C"} | dict(more or {})
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
    except OSError as e:
        raise Stalled(f"{command[0]!r} cannot be started: {e.strerror}", code="program_missing") from e
    try:
        output, errors = child.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired as e:
        _end(child)
        raise Unavailable(f"`{' '.join(command[:2])}` did not end within {timeout_s:g} s", code="timeout") from e
    return Finished(child.returncode, output, errors)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill a program and its children. One that runs as another user, as cronie's crontab does, is left behind."""
    if sys.platform == "win32":
        taskkill = f"{os.environ.get('SYSTEMROOT', 'C:/Windows')}\\System32\\taskkill.exe"
        subprocess.run([taskkill, "/PID", str(child.pid), "/T", "/F"], capture_output=True, timeout=20, check=False)
    else:
        with suppress(PermissionError, ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        child.communicate(timeout=1)
