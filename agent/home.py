"""The agent's folder: where each file lies, and how files are written so that a crash leaves the old or the new one."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import of_os_error
from agent.system import system
from chalicelib.domain.errors import Stalled, Unavailable

FOLDER = ".crontopus"
# A round fetches within a minute or gives up.
ROUND_WAIT_S = 90
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Home:
    """directory: the folder itself, absolute; only its user may enter it."""

    directory: Path

    @property
    def config(self) -> Path:
        return self.directory / "config.yaml"

    @property
    def agent_token(self) -> Path:
        return self.directory / "agent-token"

    @property
    def git_token(self) -> Path:
        return self.directory / "git-token"

    @property
    def machine_id(self) -> Path:
        """Where the system has no id of its own, or shares it with the machine it was copied from."""
        return self.directory / "machine-id"

    @property
    def run_job(self) -> Path:
        return self.directory / "bin" / system.RUN_JOB

    @property
    def jobs(self) -> Path:
        return self.directory / "jobs"

    @property
    def repo(self) -> Path:
        return self.directory / "repo"

    @property
    def manifests(self) -> Path:
        """What was read of each manifest, so that nothing is read twice and a broken one keeps its last good version."""
        return self.directory / "manifests.jsonl"

    @property
    def inventory(self) -> Path:
        return self.directory / "inventory.json"

    @property
    def backups(self) -> Path:
        return self.directory / "backups"

    @property
    def status(self) -> Path:
        return self.directory / "status.json"

    @property
    def standing(self) -> Path:
        """Our name and labels as the control plane told them last."""
        return self.directory / "endpoint.json"

    @property
    def discovered(self) -> Path:
        """What was found beside our own lines, and which jobs that is."""
        return self.directory / "discovered.json"

    @property
    def orders(self) -> Path:
        """What the control plane wants of us, as it told last."""
        return self.directory / "orders.json"

    @property
    def drift(self) -> Path:
        """What others did to our lines, one file each, until the control plane knows."""
        return self.directory / "drift"

    @property
    def suspended(self) -> Path:
        """There while rounds write nothing by order of this machine's own people."""
        return self.directory / "suspended.json"

    @property
    def ended(self) -> Path:
        """That this endpoint was revoked or deleted, once it is sure."""
        return self.directory / "ended.json"

    @property
    def lock(self) -> Path:
        """Held by a running daemon for as long as it runs."""
        return self.directory / "lock"

    @property
    def round_lock(self) -> Path:
        """Held for one round, so that `sync` and the daemon take turns."""
        return self.directory / "round.lock"

    @property
    def log(self) -> Path:
        return self.directory / "agent.log"

    @property
    def audit_log(self) -> Path:
        """What was changed on this machine, as a chain; see agent.audit."""
        return self.directory / "audit.log"


def find_home(environ: Mapping[str, str], uid: int) -> Home:
    """Return the folder of this user's agent: below CRONTOPUS_HOME, else below the user's home."""
    base = environ.get("CRONTOPUS_HOME") or system.base_of(uid, environ)
    if not Path(base).is_absolute():
        raise Stalled(f"the home {base!r} is no absolute path", code="home_unusable")
    return Home(Path(base) / FOLDER)


def table_lock(home: Home, uid: int) -> Path:
    """Return what agents of one user lock before they touch its crontab, whatever their own folders: the user's home.

    Where that cannot be locked (it is missing, or on NFS, which locks no folders), each has to do with its own.
    """
    shared, own = Path(system.home_of(uid)), home.directory / "table.lock"
    if not system.LOCKS_FOLDERS or not shared.is_dir():
        return own
    try:
        with locked(shared, wait_s=0):
            return shared
    except Unavailable:
        return shared
    except Stalled:
        return own


login_of = system.login_of
sync_folder = system.sync_folder


def make_private(directory: Path) -> None:
    """Make sure the folder is there and nobody else may enter it."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        system.keep_private(directory)
    except OSError as e:
        raise of_os_error(e, f"the folder {directory} cannot be used") from e


def write_file(path: Path, content: bytes, *, mode: int = 0o600, is_durable: bool = True) -> None:
    """Put a whole file in place at once. is_durable: it survives a power cut too."""
    try:
        _replace(path, content, mode, is_durable)
    except OSError as e:
        raise of_os_error(e, f"{path} cannot be written") from e


def _replace(path: Path, content: bytes, mode: int, is_durable: bool) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            if sys.platform != "win32":
                os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            if is_durable:
                os.fsync(file.fileno())
        system.replace(Path(temporary), path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    if is_durable:
        system.sync_folder(path.parent)


def read_json(path: Path) -> Any | None:
    """Return what a file of ours holds, None if it is absent or not whole."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    except OSError as e:
        raise of_os_error(e, f"{path} cannot be read") from e


def read_secret(path: Path) -> str:
    """Return the one line of a token's file, or what the keyring holds in its place. Raise Stalled if there is none."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as e:
        if isinstance(e, FileNotFoundError) and path.with_name(f"{path.name}.in-keyring").exists():
            from agent import keyrings  # it needs us; and hardly anybody needs it

            return keyrings.find(path)
        raise Stalled(f"{path} cannot be read; this machine is not enrolled", code="not_enrolled") from e


@contextmanager
def locked(path: Path, *, wait_s: float) -> Iterator[int]:
    """Hold the lock on a file (made if absent) or a folder; yields its descriptor.

    Raise Unavailable if somebody else holds it for longer than `wait_s`.
    """
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    try:
        handle = os.open(path, flags, 0o600)
    except OSError as e:
        raise of_os_error(e, f"{path} cannot be locked") from e
    try:
        _acquire(handle, path, time.monotonic() + wait_s)
        yield handle
    finally:
        os.close(handle)


def _acquire(handle: int, path: Path, until: float) -> None:
    while True:
        try:
            system.take_lock(handle)
            return
        except BlockingIOError as e:
            if time.monotonic() >= until:
                raise Unavailable(f"another agent of this user is at work ({path} is locked)", code="locked") from e
        except OSError as e:
            raise of_os_error(e, f"{path} cannot be locked") from e
        time.sleep(_POLL_S)
