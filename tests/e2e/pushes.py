"""Changes that a person makes to a tenant's repository by git, past the API."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from infra.local.stack import Stack
from tests.e2e.machines import Machine

_TRIES = 5


def push(stack: Stack, machine: Machine, change: Callable[[Path], None]) -> None:
    """Change the tenant's repository by git, as a person with the forge's admin login."""
    admin = stack.secrets.forge_admin()
    scheme, rest = machine.demo.api.get("/api/auth/me")["repository"]["url"].split("://")
    clone = machine.demo.layout.agent_home.parent / "clone"
    git("clone", "-q", f"{scheme}://{admin.login}:{admin.password}@{rest}", str(clone), at=clone.parent)
    change(clone)
    git("add", "-A", at=clone)
    git("-c", "user.name=hand", "-c", "user.email=hand@example.org", "commit", "-qm", "By hand", at=clone)
    # Others commit too, such as the machine that reports what it has found: like a person, take that in and push again.
    for _ in range(_TRIES - 1):
        if _run("push", "-q", "origin", "HEAD:main", at=clone).returncode == 0:
            return
        git("-c", "user.name=hand", "-c", "user.email=hand@example.org", "pull", "-q", "--rebase", "origin", "main", at=clone)
    git("push", "-q", "origin", "HEAD:main", at=clone)


def git(*arguments: str, at: Path) -> None:
    done = _run(*arguments, at=at)
    assert done.returncode == 0, done.stderr


def _run(*arguments: str, at: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(at), *arguments], capture_output=True, text=True, timeout=60)
