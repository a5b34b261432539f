"""The two Python environments of the checkout: .venv for everything, and one for the embedded AWS (it pins botocore).

`python -m infra.local.environments` makes or updates both. Runs before anything is installed: standard library only.
With `--up` it first makes sure that `make up` can keep its state where it is asked to.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.local import debian
from infra.local.layout import CHECKOUT, EMULATOR_VENV, VENV, layout, refuse_unusable
from infra.local.show import Show
from infra.local.stopped import Stopped

OLDEST_PYTHON = (3, 11)
# Chalice calls pip's inside and knows it up to here.
_PIP = "pip<26.3"


@dataclass(frozen=True, slots=True)
class Environment:
    """One virtual environment and the files that say what is in it, the requirements last."""

    folder: Path
    made_from: tuple[Path, ...]
    has_our_commands: bool

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def wanted(self) -> str:
        """Return what tells an environment made from these files by this Python from any other."""
        digest = hashlib.sha256(f"{sys.version}{_PIP}{self.folder}".encode())
        for path in self.made_from:
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def is_current(self) -> bool:
        stamp = self.folder / "made-from"
        return self.python.exists() and stamp.exists() and stamp.read_text() == self.wanted()


_OURS = ("pyproject.toml", "requirements.txt", "requirements-dev.txt")
DEVELOPMENT = Environment(VENV, tuple(CHECKOUT / name for name in _OURS), has_our_commands=True)
EMULATOR = Environment(EMULATOR_VENV, (CHECKOUT / "requirements-emulator.txt",), has_our_commands=False)


def main() -> int:
    show = Show()
    try:
        if "--up" in sys.argv:
            refuse_unusable(layout())
        with show.step("tools") as step:
            step.done(check_tools())
        for environment in (DEVELOPMENT, EMULATOR):
            with show.step(f"environment {environment.folder.relative_to(CHECKOUT)}") as step:
                step.done(ensure(environment, step.now, step.note))
    except Stopped as e:
        show.line(f"\n{e}")
        return 1
    return 0


def check_tools() -> str:
    """Return the versions of what must be there. Raise Stopped if something is missing."""
    if sys.version_info < OLDEST_PYTHON:
        raise Stopped(f"Python {sys.version.split()[0]} is too old: 3.11 or newer is needed; name one with `make PYTHON=...`")
    git = shutil.which("git")
    return f"Python {sys.version.split()[0]}, {'git' if git else 'no git (needed only to clone the manifests yourself)'}"


def ensure(environment: Environment, now: Callable[[str], None], note: Callable[[str], None]) -> str:
    """Return what was done so that the environment holds what its files say. Raise Stopped if pip fails."""
    if environment.is_current():
        return "current"
    shutil.rmtree(environment.folder, ignore_errors=True)
    now("creating")
    _create(environment, note)
    now("installing, a minute or two the first time")
    pip = [str(environment.python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    _run([*pip, _PIP])
    _run([*pip, "-r", str(environment.made_from[-1])])
    if environment.has_our_commands:
        _run([*pip, "--no-deps", "--editable", str(CHECKOUT)])
    (environment.folder / "made-from").write_text(environment.wanted())
    return "installed"


def _create(environment: Environment, note: Callable[[str], None]) -> None:
    command = [sys.executable, "-m", "venv", str(environment.folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode == 0:
        return
    # Debian keeps ensurepip in a package of its own.
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if "ensurepip" not in done.stdout + done.stderr or not debian.can_install():
        raise Stopped(
            f"no virtual environment could be made (on Debian: `apt-get install {package}`):\n{done.stdout}{done.stderr}"
        )
    note(f"Python cannot make environments; installing Debian's package `{package}`")
    debian.install(package, note)
    _run(command)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800)
    if done.returncode != 0:
        raise Stopped(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


if __name__ == "__main__":
    sys.exit(main())
