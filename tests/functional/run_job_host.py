"""A host with run-job installed on it, which tests start as cron would: as a process, with next to no environment."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.wrapper import command
from chalicelib.domain.manifest import Job

JOB_ID = "5f0c7d6e-4b1a-4c3d-9e2f-0a1b2c3d4e5f"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True, slots=True)
class Done:
    """How run-job ended."""

    code: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class Host:
    directory: Path

    @property
    def spool(self) -> Path:
        return self.directory / "spool"

    @property
    def run_job(self) -> Path:
        return self.directory / "bin" / "run-job"

    def job(self, words: str, *, extras: Mapping[str, Any] | None = None, **fields: Any) -> None:
        """Write the job file, as the agent does. extras: what run-job has to know beyond the manifest."""
        whole = {"id": JOB_ID, "name": "backup", "namespace": "default", "schedule": "* * * * *", "command": words} | fields
        command.write_job(self.directory, Job(**whole), COMMIT, extras)

    def start(self, *, is_guarded: bool = False, **options: Any) -> subprocess.Popen[bytes]:
        """Start the crontab's words with sh, as cron does."""
        settings: dict[str, Any] = {"env": {}, "cwd": "/", "stdin": subprocess.DEVNULL}
        settings |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        words = command.crontab_command(self.directory, JOB_ID)
        if is_guarded:
            words = words.replace(" CRONTOPUS:", " --guard CRONTOPUS:")
        return subprocess.Popen(["/bin/sh", "-c", f"exec {words}"], **(settings | options))

    def run(self, words: str | None = None, *, fields: Mapping[str, Any] | None = None, **options: Any) -> Done:
        """Write the job if `words` are given, run it and wait for the end."""
        if words is not None:
            self.job(words, **(fields or {}))
        process = self.start(**options)
        stdout, stderr = process.communicate(timeout=20)
        return Done(process.returncode, stdout or b"", stderr or b"")

    def record(self) -> dict[str, Any]:
        """Return the one end record. It is also the claim that there is one, and no start record beside it."""
        (path,) = self.spool.glob("*.json")
        assert path.name.endswith(".end.json")
        record: dict[str, Any] = json.loads(path.read_bytes())
        assert path.name == f"{record['run_id']}.end.json"
        return record

    def output(self) -> bytes | None:
        """Return what was kept of the output, None if nothing was."""
        found = [path.read_bytes() for path in self.spool.glob("*.out")]
        return found[0] if found else None


def installed(directory: Path, **constants: float | tuple[str, ...]) -> Host:
    """Install run-job. constants: what a test wants shorter than the product has it."""
    path = command.install(directory, Path(sys.executable).resolve())
    text = path.read_text()
    for name, value in constants.items():
        text, count = re.subn(rf"^{name} = .*$", f"{name} = {value!r}", text, flags=re.MULTILINE)
        assert count == 1, name
    if constants:
        path.write_text(text)
    (directory / "spool").mkdir(mode=0o700)
    return Host(directory)


def is_running(pid: int) -> bool:
    """Tell whether the process is there and alive; one that has ended may wait long for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
