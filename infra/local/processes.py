"""The stack's own background processes: start them, find them again, stop them, and never anybody else's.

Standard library only.
"""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infra.local.layout import CHECKOUT
from infra.local.stopped import Stopped

_POLL_S = 0.05


class Processes:
    """One background process per name. A file in `run` says which; its output goes to a file in `logs`."""

    def __init__(self, run: Path, logs: Path) -> None:
        self._run = run
        self._logs = logs
        # Children of this very process, to be reaped when they end.
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def find(self, name: str) -> int | None:
        """Return the process id if the process that was started under this name still runs, else None."""
        return noted_process(self._note(name))

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Start the command in the background, detached from the terminal, and return its process id."""
        self._logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.log(name).open("ab") as log:
            child = subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # What they write holds tokens and tenants' data.
                umask=0o077,
            )
        self._children[child.pid] = child
        note_process(self._note(name), child.pid)
        return child.pid

    def stop(self, name: str, grace_s: float = 20.0) -> bool:
        """Ask the process to end, insist after `grace_s`, and say whether there was one."""
        pid = self.find(name)
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            if not self._ended(name, pid, grace_s):
                os.killpg(pid, signal.SIGKILL)
                self._ended(name, pid, grace_s)
        self._note(name).unlink(missing_ok=True)
        return pid is not None

    def wait_ready(self, name: str, is_ready: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Return when `is_ready` says so. Raise Stopped, with the end of its log, if the process dies or takes too long."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if self.find(name) is None:
                raise Stopped(f"{name} ended as it started; its log ends with:\n{self.log_end(name)}")
            if time.monotonic() > deadline:
                raise Stopped(f"{name} does not answer after {timeout_s:.0f} s; its log ends with:\n{self.log_end(name)}")
            time.sleep(_POLL_S)

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def log_end(self, name: str, lines: int = 15) -> str:
        text = self.log(name).read_text(errors="replace") if self.log(name).exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _ended(self, name: str, pid: int, grace_s: float) -> bool:
        deadline = time.monotonic() + grace_s
        while self.find(name) == pid:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        if pid in self._children:
            self._children.pop(pid).wait()
        return True

    def _note(self, name: str) -> Path:
        return self._run / f"{name}.json"


def note_process(note: Path, pid: int) -> None:
    """Note which process this is, so that it is found again and no other is taken for it."""
    note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = note.with_suffix(".tmp")
    unfinished.write_text(json.dumps({"pid": pid, "identity": identity(pid)}))
    unfinished.replace(note)


def noted_process(note: Path) -> int | None:
    """Return the id of the process that was noted here if it still runs, else None."""
    try:
        noted = json.loads(note.read_text())
    except (FileNotFoundError, ValueError):
        return None
    pid = int(noted["pid"])
    return pid if identity(pid) == noted["identity"] is not None else None


def identity(pid: int) -> str | None:
    """Return what tells this process from any other that has or will have its number; None if it is not running.

    That is its start: the kernel's tick and the boot it belongs to, or, without /proc, the second that ps tells.
    """
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _start_by_ps(pid)
    except ProcessLookupError:
        return None
    # A zombie has ended; only its number is still taken. Field 22 of stat is the start; `fields` begins with field 4.
    return None if state == "Z" else f"{fields[18]}@{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}"


def _start_by_ps(pid: int) -> str | None:
    done = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=10)
    return done.stdout.strip() or None


def is_listening(host: str, port: int) -> bool:
    """Say whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
