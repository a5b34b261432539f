"""What run-job costs a host: processor time beside `sh -c true`, time added to a job, memory under a flood of output."""

import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from agent.guard import guarded
from agent.wrapper import command
from chalicelib.domain.manifest import Job
from tests.bench.figures import Figure

ROUNDS = 60
FLOOD_BYTES = 1 << 30
JOB_ID = "5f0c7d6e-4b1a-4c3d-9e2f-0a1b2c3d4e5f"
# A child's largest memory begins with that of the process it was forked from, so a small one stands between.
MEMORY = """
import os, sys
_, _, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], {}), 0)
open(os.path.dirname(sys.argv[1]) + "/../rss", "w").write(str(usage.ru_maxrss))
"""
CRONS = {"HOME": "/", "LOGNAME": "root", "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}
SHELL = ("/bin/sh", "-c", "true")


def measure() -> list[Figure]:
    """Return the figures; rounds of the two commands alternate, so that other work on the machine burdens both."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        wrapped = (str(command.install(directory, Path(sys.executable).resolve())), JOB_ID)
        (directory / "spool").mkdir()
        return _small(directory, wrapped) + _guarded(directory, wrapped) + _flood(directory, wrapped)


def _small(directory: Path, wrapped: Sequence[str]) -> list[Figure]:
    _write(directory, "true")
    rounds = [(_run(SHELL), _run(wrapped)) for _ in range(ROUNDS)]
    plain_ms, cpu_ms = (median(pair[i][0] for pair in rounds) for i in (0, 1))
    plain_wall_ms, wall_ms = (median(pair[i][1] for pair in rounds) for i in (0, 1))
    return [
        Figure("wrapper.cpu_ratio", cpu_ms / plain_ms, "x", 20),
        Figure("wrapper.cpu", cpu_ms, "ms", 12),
        Figure("wrapper.added_wall", wall_ms - plain_wall_ms, "ms", None),
    ]


def _guarded(directory: Path, wrapped: Sequence[str]) -> list[Figure]:
    """A start of a job in another time zone that is not due: no command, no record."""
    guard = guarded("0 0 29 2 *", "Europe/Paris", "Asia/Tokyo").guard
    _write(directory, "true", {"guard": guard})
    program, job_id = wrapped
    cpu_ms = median(_run((program, "--guard", job_id))[0] for _ in range(ROUNDS))
    return [Figure("wrapper.not_due_cpu", cpu_ms, "ms", 20)]


def _flood(directory: Path, wrapped: Sequence[str]) -> list[Figure]:
    _write(directory, f"head -c {FLOOD_BYTES} /dev/zero")
    through_pipe = ("/bin/sh", "-c", '"$@" | cat > /dev/null', "sh", sys.executable, "-ISE", "-c", MEMORY, *wrapped)
    _, wall_ms = _run(through_pipe)
    rss_kb = float((directory / "rss").read_text())
    return [
        Figure("wrapper.flood_rate", FLOOD_BYTES / 1e6 / (wall_ms / 1000), "MB/s", None),
        Figure("wrapper.flood_memory", rss_kb / 1024, "MB", 20),
    ]


def _write(directory: Path, words: str, extras: Mapping[str, Any] | None = None) -> None:
    job = Job(id=JOB_ID, name="bench", namespace="default", schedule="@daily", command=words)
    command.write_job(directory, job, None, extras)


def _run(words: Sequence[str]) -> tuple[float, float]:
    """Return processor time, children included, and wall time, in ms."""
    started = time.perf_counter()
    _, _, usage = os.wait4(os.posix_spawn(words[0], words, CRONS), 0)
    return (usage.ru_utime + usage.ru_stime) * 1000, (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    for figure in measure():
        print(figure.line())  # noqa: T201
