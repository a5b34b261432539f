"""Tables beside our own: those of the system and of other users. They are read as cron would read them, and never written."""

import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_TABLE_BYTES = 1 << 20
_SPOOLS = ("var/spool/cron/crontabs", "var/spool/cron/tabs", "var/spool/cron", "usr/lib/cron/tabs", "var/cron/tabs")
# Debian reads no file with a dot in its name: what dpkg leaves behind is not run.
_DEBIAN_NAME = re.compile(r"[A-Za-z0-9_-]+")
_OTHER_NAME = re.compile(r"(?!.*(?:~|\.rpm(?:save|new|orig)|,v)$)[^.#][^#]*")
# These know no tables but those of users.
_WITHOUT_SYSTEM = frozenset({"busybox", "bcron"})


@dataclass(frozen=True, slots=True)
class Table:
    """place: what a person would look for. user: whose it is, None where each line names its own."""

    place: str
    content: bytes
    user: str | None = None


def others(login: str, flavour: str | None, root: Path = Path("/"), owner: int = 0) -> Iterator[Table]:
    """Yield the tables beside ours that can be read.

    login: who we are. root: where the system's files lie. owner: whose they have to be.
    """
    if flavour not in _WITHOUT_SYSTEM:
        yield from _of_system(
            root, owner, _OTHER_NAME if flavour == "cronie" else _DEBIAN_NAME, is_macos=flavour == "vixie-macos"
        )
    yield from _of_users(root, login)


def _of_system(root: Path, owner: int, name: re.Pattern[str], *, is_macos: bool) -> Iterator[Table]:
    folder = root / "etc/cron.d"
    files = [] if is_macos else [path for path in _listed(folder) if name.fullmatch(path.name)]
    for path in [root / "etc/crontab", *files]:
        content = _read(path, lambda found: found.st_uid == owner and not found.st_mode & 0o022)
        if content is not None:
            yield Table(f"/{path.relative_to(root)}", content)


def _of_users(root: Path, login: str) -> Iterator[Table]:
    seen = {login}
    for folder in _SPOOLS:
        for path in _listed(root / folder):
            content = None if path.name in seen or not _is_login(path.name) else _read(path, lambda _: True, follows=False)
            # With an agent of ours in it, it is that agent's to tell of.
            if content is not None and b"CRONTOPUS" not in content:
                seen.add(path.name)
                yield Table(f"the crontab of {path.name}", content, path.name)


def _is_login(name: str) -> bool:
    if sys.platform == "win32":
        return False
    import pwd

    try:
        return bool(pwd.getpwnam(name))
    except KeyError:
        return False


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _read(path: Path, is_fit: Callable[[os.stat_result], bool], *, follows: bool = True) -> bytes | None:
    """Return a table's bytes, None if cron would not read it either, or if it is no table."""
    if sys.platform == "win32":
        return None
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | (0 if follows else os.O_NOFOLLOW))
    except OSError:
        return None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_TABLE_BYTES or not is_fit(found):
            return None
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(MAX_TABLE_BYTES)
    finally:
        os.close(handle)
