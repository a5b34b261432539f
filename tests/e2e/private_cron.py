"""A real cron daemon that touches nothing of this machine: it lives in a mount namespace with tables of its own.

Over /var/spool/cron lies a folder of the test's, over /run an empty file system; the system's own tables (/etc/crontab,
/etc/cron.d) are hidden, so that no job of the machine runs twice.
"""

import os
import shutil
import subprocess
from pathlib import Path

from tests.fixtures.waiting import until

_SETUP = """
set -e
chown root:crontab "$1/spool/crontabs"
chmod 1730 "$1/spool/crontabs"
mount --bind "$1/spool" /var/spool/cron
mount --bind "$1/crontab" /etc/crontab
mount --bind "$1/cron.d" /etc/cron.d
[ -z "$2" ] || mount --bind "$1/pam" /etc/pam.d/cron
mount -t tmpfs tmpfs /run
exec cron -f
"""
# In a user namespace nobody can be logged in: PAM's own checks refuse every job.
_PAM = "".join(f"{kind} sufficient pam_permit.so\n" for kind in ("auth", "account", "session"))
_AS_ROOT = ("-m",)
# Without a range of ids (newuidmap) the kernel forbids setgroups, which cron calls before every job.
_AS_USER = ("-r", "-m", "--map-auto")


def missing() -> str | None:
    """Return why no private cron can be had here, in words, or None if it can."""
    if not shutil.which("cron", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"])):
        return "Debian's cron is not installed (apt-get install cron)"
    if not _can(_AS_ROOT) and not _can(_AS_USER):
        return "a private cron needs root, or user namespaces with newuidmap (apt-get install uidmap)"
    return None


class PrivateCron:
    """The daemon, from construction until `stop`. `inside` starts a command where its tables are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "spool" / "crontabs").mkdir(parents=True)
        (folder / "cron.d").mkdir()
        (folder / "crontab").touch()
        (folder / "pam").write_text(_PAM)
        is_root = _can(_AS_ROOT)
        flags = _AS_ROOT if is_root else _AS_USER
        setup = ["sh", "-c", _SETUP, "sh", str(folder), "" if is_root else "as user"]
        environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        self._daemon = subprocess.Popen(["unshare", *flags, "--propagation", "private", *setup], env=environment)
        until(self._is_cron, "cron runs in its namespace")
        namespaces = ["-m"] if is_root else ["-U", "-m", "--preserve-credentials"]
        self.inside: tuple[str, ...] = ("nsenter", "-t", str(self._daemon.pid), *namespaces, f"--wd={Path.cwd()}")

    def crontab(self) -> str:
        """Return the table as `crontab -l` prints it, empty if there is none."""
        done = subprocess.run([*self.inside, "crontab", "-l"], capture_output=True, text=True, timeout=30)
        return done.stdout if done.returncode == 0 else ""

    def install(self, table: str) -> None:
        subprocess.run([*self.inside, "crontab", "-"], input=table, text=True, check=True, timeout=30)

    def stop(self) -> None:
        self._daemon.terminate()
        self._daemon.wait(timeout=30)

    def _is_cron(self) -> bool:
        assert self._daemon.poll() is None, "the private cron ended as it started"
        return Path(f"/proc/{self._daemon.pid}/comm").read_text().strip() == "cron"


def _can(flags: tuple[str, ...]) -> bool:
    return subprocess.run(["unshare", *flags, "true"], capture_output=True, timeout=30).returncode == 0
