"""A real forge for the tests of the API: the local one, in a process of its own, with an organisation for each test."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from infra.local.forge.provision import provision

ROOT = Path(__file__).parents[3]
ADMIN = "root-of-tests"
ADMIN_PASSWORD = "only-for-these-tests-9"


@dataclass
class TestForge:
    """A forge, one organisation on it, and what a test wants to see or do behind the API's back."""

    __test__ = False
    url: str
    organization: str
    folder: Path
    bot_token: str
    clones: int = 0

    def commits(self, tenant_id: str) -> list[dict[str, str]]:
        """Return the commits of a tenant's repository, newest first: sha, author, subject."""
        path = self._clone(tenant_id)
        lines = self._git(path, "log", "--format=%H\t%an\t%s").splitlines()
        return [dict(zip(("sha", "author", "subject"), line.split("\t"), strict=True)) for line in lines]

    def push(self, tenant_id: str, path: str, content: bytes) -> None:
        """Commit a file by git, as a person would."""
        self.push_all(tenant_id, {path: content})

    def push_all(self, tenant_id: str, files: dict[str, bytes]) -> None:
        """Commit files by git, as a person would."""
        clone = self._clone(tenant_id)
        for path, content in files.items():
            (clone / path).parent.mkdir(parents=True, exist_ok=True)
            (clone / path).write_bytes(content)
        self._git(clone, "add", "-A")
        self._git(clone, "-c", "user.name=hand", "-c", "user.email=hand@example.org", "commit", "-qm", "By hand")
        self._git(clone, "push", "-q", "origin", "HEAD:main")

    def clone(self, url: str, username: str, token: str) -> list[str]:
        """Clone with these credentials and return the files."""
        self.clones += 1
        target = self.folder / f"clone-{self.clones}"
        scheme, rest = url.split("://")
        self._git(self.folder, "clone", "-q", f"{scheme}://{username}:{token}@{rest}", str(target))
        return self._git(target, "ls-files").split()

    def _clone(self, tenant_id: str) -> Path:
        url = f"{self.url}/{self.organization}/job-manifests-{tenant_id}.git"
        self.clone(url, ADMIN, ADMIN_PASSWORD)
        return self.folder / f"clone-{self.clones}"

    @staticmethod
    def _git(folder: Path, *arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout


@dataclass
class FlakySession(requests.Session):
    """A transport to the forge that a test can take down, or make fail once after the forge has acted."""

    calls: list[str] = field(default_factory=list)
    is_down: bool = False
    _failing: int | None = None

    def __post_init__(self) -> None:
        super().__init__()

    def fail_call(self, number: int) -> None:
        """Let the forge carry out the call of this number, counted from now, and lose every answer from there on."""
        self._failing = len(self.calls) + number

    def send(self, request, **how):  # type: ignore[no-untyped-def]
        self.calls.append(f"{request.method} {request.path_url}")
        if self.is_down:
            raise requests.ConnectionError("the test took the forge down")
        answer = super().send(request, **how)
        if self._failing is not None and len(self.calls) > self._failing:
            raise requests.ReadTimeout("the test lost the answer")
        return answer

    def heal(self) -> None:
        self._failing = None


@contextmanager
def running_forge(folder: Path) -> Iterator[str]:
    """Run the local forge; gives its URL."""
    password = folder / "admin-password"
    password.write_text(ADMIN_PASSWORD)
    command = [sys.executable, "-m", "infra.local.forge", "--data", str(folder / "data"), "--port", "0"]
    command += ["--admin-user", ADMIN, "--admin-password-file", str(password)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        url = process.stderr.readline().strip().rpartition(" ")[2]
        urllib.request.urlopen(f"{url}/api/v1/version", timeout=5).close()
        yield url
    finally:
        process.kill()
        process.wait()


def provisioned(url: str) -> str:
    """Return the token of the bot that commits."""
    return provision(url, ADMIN, ADMIN_PASSWORD).token
