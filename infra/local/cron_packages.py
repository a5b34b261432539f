"""The crons that the tests run beside Debian's own: fetched from Debian's mirror by apt, which checks its signatures, unpacked
into the checkout and never installed. Standard library only.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from infra.local.layout import CHECKOUT
from infra.local.stopped import Stopped

FOLDER = CHECKOUT / ".local" / "crons"
# Programs of a later Debian bring the libraries they were built with, their loader among them.
PACKAGES = {
    "busybox": ("bookworm", ("busybox-static",)),
    "bcron": ("bookworm", ("bcron", "libbg2", "ucspi-unix")),
    "systemd-cron": ("bookworm", ("systemd-cron",)),
    "cronie": (
        "trixie",
        ("cronie", "libc6", "libpam0g", "libselinux1", "libaudit1", "libcap-ng0", "libpcre2-8-0"),
    ),
}
_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_APT = Path("/etc/apt")
_EDITION = "1"  # what is unpacked is fetched anew when this changes


def unpacked(flavour: str) -> Path | None:
    """Return the folder of a cron's files, None if it has not been fetched."""
    folder = FOLDER / flavour
    return folder if _is_whole(folder) else None


def are_there() -> bool:
    return all(unpacked(flavour) for flavour in PACKAGES)


def ensure(say: Callable[[str], None]) -> None:
    """Fetch what is missing. Raise Stopped, saying what the machine lacks or what apt said, if that is not possible."""
    missing = [flavour for flavour in PACKAGES if unpacked(flavour) is None]
    if not missing:
        return
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise Stopped(f"there is no {program}: other crons than this machine's own are fetched as Debian packages")
    if not _KEYS.exists():
        raise Stopped(f"{_KEYS} is missing (apt-get install debian-archive-keyring): nothing unsigned is fetched")
    downloads = FOLDER / "downloads"
    try:
        apt = _private_apt(downloads, say)
        for flavour in missing:
            _fetch(flavour, apt, downloads, say)
    finally:
        shutil.rmtree(downloads, ignore_errors=True)


def _is_whole(folder: Path) -> bool:
    stamp = folder / ".edition"
    return stamp.exists() and stamp.read_text() == _EDITION


def _private_apt(folder: Path, say: Callable[[str], None]) -> list[str]:
    """Return an apt-get with lists of its own: the machine's sources and packages are neither used nor changed."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    suites = sorted({suite for suite, _ in PACKAGES.values()})
    sources = "".join(f"deb [signed-by={_KEYS}] {_mirror()} {suite} main\n" for suite in suites)
    (folder / "sources.list").write_text(sources)
    settings = {
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
    }
    apt = ["apt-get", "-q", *(word for key, value in settings.items() for word in ("-o", f"{key}={value}"))]
    say(f"apt-get update ({_mirror()} {', '.join(suites)}), in a folder of its own")
    _run([*apt, "update"], folder)
    return apt


def _mirror() -> str:
    """Return the mirror that this machine is set to use. Raise Stopped if it names none."""
    files = [_APT / "sources.list", *sorted((_APT / "sources.list.d").glob("*"))] if _APT.exists() else []
    text = "\n".join(path.read_text(errors="replace") for path in files if path.is_file() and os.access(path, os.R_OK))
    if found := mirror_in(text):
        return found
    raise Stopped(
        f"no mirror of Debian is named below {_APT}: other crons are fetched from where this machine gets its packages"
    )


def mirror_in(sources: str) -> str | None:
    """Return the first mirror of Debian itself that apt's sources name, in their old form or the new one, None without any."""
    found = re.search(r"^(?:deb(?:\s+\[[^]]*\])?|URIs:)\s+(https?://\S+/debian)/?(?:\s|$)", sources, re.MULTILINE)
    return found[1] if found else None


def _fetch(flavour: str, apt: list[str], downloads: Path, say: Callable[[str], None]) -> None:
    suite, packages = PACKAGES[flavour]
    say(f"{' '.join(packages)} of Debian {suite}, unpacked, not installed")
    folder, debs = FOLDER / flavour, downloads / flavour
    shutil.rmtree(folder, ignore_errors=True)
    debs.mkdir()
    _run([*apt, "download", *(f"{package}/{suite}" for package in packages)], debs)
    for deb in sorted(debs.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(deb), str(folder)], debs)
    (folder / ".edition").write_text(_EDITION)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        words = [word for word in command if word != "-o" and "::" not in word]
        raise Stopped(f"{' '.join(words)} failed:\n{done.stdout[-500:]}{done.stderr[-1000:]}")
