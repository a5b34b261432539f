"""Real git, with nothing of the person who runs the tests in it."""

import os
import subprocess
from pathlib import Path

_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Gita",
    "GIT_AUTHOR_EMAIL": "gita@example.org",
    "GIT_COMMITTER_NAME": "Gita",
    "GIT_COMMITTER_EMAIL": "gita@example.org",
    "LC_ALL": "C",
}


def git(*arguments: str, cwd: Path) -> str:
    """Run git. Return what it printed. Raise subprocess.CalledProcessError."""
    done = subprocess.run(
        ["git", *arguments], cwd=cwd, env=_ENVIRONMENT, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def refused(*arguments: str, cwd: Path) -> str:
    """Run git, which has to fail. Return its complaint."""
    done = _run(arguments, cwd)
    assert done.returncode != 0, "git did not fail"
    return done.stderr


def commit_all(folder: Path, message: str = "By hand") -> str:
    """Commit everything in a work tree. Return the commit's sha."""
    git("add", "-A", cwd=folder)
    git("commit", "-q", "-m", message, cwd=folder)
    return git("rev-parse", "HEAD", cwd=folder)


def _run(arguments: tuple[str, ...], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=cwd, env=_ENVIRONMENT, capture_output=True, text=True, timeout=60)
