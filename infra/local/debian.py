"""Debian's packages: the one thing that is installed outside the checkout, and only after saying so."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from infra.local.stopped import Stopped


def can_install() -> bool:
    """Say whether this is a Debian kind of machine and we are root on it."""
    return Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None and os.geteuid() == 0


def install(package: str, say: Callable[[str], None]) -> None:
    """Install one package without what it recommends. Raise Stopped with apt's own words if that fails."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", package]):
        say(" ".join(command))
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        if done.returncode != 0 and command[1] == "install":
            raise Stopped(f"{' '.join(command)} failed:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
