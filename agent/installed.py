"""How this agent came onto the machine, and with it who updates it.

The installer's folder, PREFIX: versions/SHA256/ holds each version, `current` is a link to one of them, bin/crontopus-agent
starts it. There is more in it only while an update is under way, see agent.trial.
"""

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

import agent
from chalicelib.domain.errors import Stalled

ARCHIVE = "crontopus-agent.pyz"
LAUNCHER = Path("bin") / "crontopus-agent"
OWN_PYTHON = Path("python") / "bin" / "python3"
# Lies beside the archive where a package manager put it there, and says what updates it.
PACKAGED = "packaged"


@dataclass(frozen=True, slots=True)
class Installation:
    """prefix: the installer's folder. folder: name of the one below versions/ that we run from."""

    prefix: Path
    folder: str

    @property
    def versions(self) -> Path:
        return self.prefix / "versions"

    @property
    def own(self) -> Path:
        """The folder that we run from."""
        return self.versions / self.folder

    @property
    def is_native(self) -> bool:
        """Whether this version brought its own Python."""
        return (self.own / OWN_PYTHON).exists()

    @property
    def launcher(self) -> Path:
        return self.prefix / LAUNCHER

    @property
    def lock(self) -> Path:
        return self.prefix / "update.lock"

    def current(self) -> str | None:
        """Return the folder that the next start runs from, None if it cannot be told."""
        try:
            return (self.prefix / "current").readlink().name
        except OSError:
            return None

    def switch(self, folder: str) -> None:
        """Let the next start run from another folder, from one moment to the next."""
        waiting = self.prefix / ".current.new"
        waiting.unlink(missing_ok=True)
        waiting.symlink_to(Path("versions") / folder)
        waiting.replace(self.prefix / "current")


def here() -> str:
    """Return what builds with a Python of their own call this platform, such as linux-x86_64."""
    return f"{'macos' if sys.platform == 'darwin' else sys.platform}-{platform.machine()}"


def archive() -> Path | None:
    """Return the archive that we run from, None from a checkout or an environment."""
    loader = getattr(agent.__spec__, "loader", None)
    found = getattr(loader, "archive", None)
    return Path(os.path.realpath(found)) if found else None


def is_packaged(path: Path | None) -> bool:
    """Tell whether a package manager put this archive where it is."""
    return path is not None and path.with_name(PACKAGED).exists()


def find(path: Path | None) -> Installation:
    """Return the installation that an archive belongs to. Raise Stalled if something else updates this agent, saying what."""
    if path is None:
        raise _unsupported("it runs from a checkout or a Python environment: update that one")
    packaged = path.with_name(PACKAGED)
    if packaged.exists():
        raise _unsupported(packaged.read_text(encoding="utf-8").strip())
    prefix = path.parents[2] if len(path.parts) > 3 else path.parent
    if path.parent.parent.name != "versions" or not (prefix / LAUNCHER).exists():
        raise _unsupported(f"it runs from {path}, which no installer made: put a newer file there")
    return Installation(prefix, path.parent.name)


def own() -> Installation | None:
    """Return our installation, None if we have none that updates itself."""
    try:
        return find(archive())
    except Stalled:
        return None


def _unsupported(why: str) -> Stalled:
    return Stalled(f"this agent does not update itself: {why}", code="update_unsupported")
