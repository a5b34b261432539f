"""Debian's packages: the one thing that is installed outside the checkout, and only after saying so."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.stopped import Stopped

# Debian asks this program before a package starts its service; 101 forbids it.
_POLICY = Path("/usr/sbin/policy-rc.d")
_NO_STARTS = "#!/bin/sh\n# crontopus: only while a package for its tests is being installed\nexit 101\n"


def can_install() -> bool:
    """Say whether this is a Debian kind of machine and we are root on it."""
    return Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None and os.geteuid() == 0


def install(package: str, say: Callable[[str], None], *, start_services: bool = True) -> None:
    """Install one package without what it recommends. Raise Stopped with apt's own words if that fails."""
    # Old lists may do, so only the installation itself must succeed.
    _run(["apt-get", "update"], say)
    command = ["apt-get", "install", "-y", "--no-install-recommends", package]
    if start_services:
        done = _run(command, say)
    else:
        with _no_starts():
            done = _run(command, say)
    if done.returncode != 0:
        raise Stopped(f"{' '.join(command)} failed:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")


def _run(command: list[str], say: Callable[[str], None]) -> subprocess.CompletedProcess[str]:
    say(" ".join(command))
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)


@contextmanager
def _no_starts() -> Iterator[None]:
    if _POLICY.exists() and _POLICY.read_text() != _NO_STARTS:
        # The machine has a policy of its own, and it stands.
        yield
        return
    _POLICY.write_text(_NO_STARTS)
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()
