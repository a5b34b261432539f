"""One cron in a lab: started, asked and ended."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local import cron_packages
from infra.local.layout import CHECKOUT
from tests.fixtures.waiting import until

_HERE = Path(__file__).parent
_UNSHARE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")
# What died a moment ago is still leaving its group.
_FORGET_GROUP = """
mount -t tmpfs none /mnt && mkdir /mnt/groups && mount -t cgroup2 none /mnt/groups || exit
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  find "/mnt/groups/$1" -depth -type d -exec rmdir {} + 2>/dev/null
  [ -e "/mnt/groups/$1" ] || exit 0
  sleep 0.1
done
"""
FLAVOURS = ("debian", "busybox", "cronie", "bcron", "systemd-cron")


def missing(flavour: str) -> str | None:
    """Return why this lab cannot be had here, in words, or None if it can."""
    if os.geteuid() != 0 or subprocess.run([*_UNSHARE, "true"], capture_output=True, timeout=30).returncode != 0:
        return "the labs need root and namespaces of their own"
    if flavour == "debian":
        has_cron = shutil.which("cron", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
        return None if has_cron and Path("/etc/debian_version").exists() else "Debian's cron is not installed"
    if cron_packages.unpacked(flavour) is None:
        return f"{flavour} was not fetched: `make test` does it where apt-get can"
    if flavour == "systemd-cron" and not Path("/lib/systemd/systemd").exists():
        return "there is no systemd here"
    if flavour == "systemd-cron" and "cgroup2" not in Path("/proc/filesystems").read_text():
        return "systemd wants control groups of version 2"
    return None


@dataclass(frozen=True)
class Lab:
    """inside: what to put before a command so that it runs where this cron lives. crontab: its program, from outside."""

    flavour: str
    folder: Path
    process: "subprocess.Popen[bytes]"
    inside: tuple[str, ...]
    crontab: Path

    @property
    def table(self) -> Path:
        """Where this cron keeps root's table."""
        return self.folder / "spool" / "crontabs" / "root"

    def run(self, *command: str, data: bytes | None = None) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run([*self.inside, *command], input=data, capture_output=True, timeout=60)

    def python(self, text: str, *arguments: str) -> str:
        """Run a program of ours in there and return what it printed."""
        done = self.run(sys.executable, "-c", text, *arguments)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout.decode()

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(timeout=30)
        if self.flavour == "systemd-cron":
            subprocess.run([*_UNSHARE, "sh", "-c", _FORGET_GROUP, "sh", _group(self.folder)], capture_output=True, timeout=30)


def start(flavour: str, folder: Path) -> Lab:
    """Start a lab in this folder, which has to be outside /usr; `missing` has been asked before."""
    folder.mkdir(parents=True)
    files = cron_packages.unpacked(flavour) or Path("/")
    environment = {
        "PATH": f"{folder}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "FILES": str(files),
        "CHECKOUT": str(CHECKOUT),
        "GROUP": _group(folder),
        "HOME": "/root",
        "USER": "root",
        "LANG": "C.UTF-8",
    }
    (folder / "bin").mkdir()
    setup = [str(_HERE / "private_root.sh"), str(folder), str(_HERE / f"{flavour}.sh")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*_UNSHARE, "sh", *setup], env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def is_up() -> bool:
        assert process.poll() is None, f"the lab ended as it started:\n{(folder / 'log').read_text(errors='replace')}"
        return (folder / "up").exists()

    until(is_up, f"the lab of {flavour} runs")
    lab = Lab(flavour, folder, process, *_doors(folder, process, environment))
    if flavour == "systemd-cron":
        until(lambda: lab.run("systemctl", "is-active", "cron.target").stdout == b"active\n", "systemd has reached cron.target")
    return lab


def _doors(folder: Path, process: "subprocess.Popen[bytes]", environment: Mapping[str, str]) -> tuple[tuple[str, ...], Path]:
    child = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
    inside = (
        *("nsenter", "--target", child, "--mount", "--pid"),
        *("env", "-i", *(f"{key}={environment[key]}" for key in ("PATH", "HOME", "USER", "LANG")), f"PYTHONPATH={CHECKOUT}"),
    )
    crontab = folder / "crontab-of-the-lab"
    entered = " ".join([*inside[:5], '--wd="$PWD"', *inside[5:], "VISUAL=$VISUAL", "EDITOR=$EDITOR"])
    crontab.write_text(f'#!/bin/sh\nexec {entered} crontab "$@"\n')
    crontab.chmod(0o755)
    return inside, crontab


def _group(folder: Path) -> str:
    return f"crontopus-lab-{os.getpid()}-{folder.parent.name}-{folder.name}"
