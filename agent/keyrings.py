"""Credentials in the keyring of a person's session (libsecret, macOS Keychain, Windows Credential Manager) instead of files.

A file NAME.in-keyring stands where the credential's file stood, and says where it is; so a credential is never in both for
longer than a crash in between lasts. The library `keyring` is needed for that alone and does not come with the agent.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from agent import audit
from agent.config import Config
from agent.home import Home, read_secret, write_file
from chalicelib.domain.errors import CrontopusError, Stalled, Unavailable

SERVICE = "crontopus-agent"


def marker(path: Path) -> Path:
    """Return the file that says a credential is in the keyring. Its date is when the credential was written."""
    return path.with_name(f"{path.name}.in-keyring")


def written(path: Path) -> Path:
    """Return the file whose date tells when a credential was written."""
    return path if path.exists() or not marker(path).exists() else marker(path)


def keep(path: Path, secret: str, where: str | None = None) -> None:
    """Write a credential down. where: "file" or "keyring"; by default where the one before is."""
    is_hidden = where == "keyring" or (where is None and marker(path).exists() and not path.exists())
    if is_hidden:
        _put(path, secret)
        path.unlink(missing_ok=True)
    else:
        write_file(path, f"{secret}\n".encode())


def find(path: Path) -> str:
    """Return a credential out of the keyring. Raise Stalled if it is not there, Unavailable if the keyring is locked."""
    with _translated() as keyring:
        found = keyring.get_password(SERVICE, str(path))
    if not found:
        raise Stalled(f"the keyring holds no {path.name} of {path.parent} any more", code="keyring_missing")
    return str(found)


def settle(home: Home, config: Config, uid: int) -> None:
    """Bring the credentials to where the configuration wants them."""
    wants_keyring = config.credentials == "keyring"
    if wants_keyring and uid == 0:
        raise Stalled("`credentials: keyring` is for people: root's agent has no session with a keyring", code="config")
    moved = [path.name for path in (home.agent_token, home.git_token) if (_hide if wants_keyring else _show)(path)]
    if moved:
        audit.record(home, "credentials_moved", {"names": moved, "to": config.credentials})


def forget(home: Home) -> None:
    """Take our credentials out of the keyring, if they are in it."""
    for path in (home.agent_token, home.git_token):
        if marker(path).exists():
            with suppress(CrontopusError), _translated() as keyring:
                keyring.delete_password(SERVICE, str(path))


def _hide(path: Path) -> bool:
    if not path.exists():
        return False
    secret = read_secret(path)
    _put(path, secret)
    if find(path) != secret:
        raise Stalled(f"the keyring does not give {path.name} back as it was; its file stays", code="keyring_missing")
    path.unlink()
    return True


def _show(path: Path) -> bool:
    if not marker(path).exists():
        return False
    if not path.exists():
        write_file(path, f"{find(path)}\n".encode())
    # It is in its file by now; what is left in a keyring that does not open harms nobody.
    with suppress(CrontopusError), _translated() as keyring:
        keyring.delete_password(SERVICE, str(path))
    marker(path).unlink()
    return True


def _put(path: Path, secret: str) -> None:
    with _translated() as keyring:
        keyring.set_password(SERVICE, str(path), secret)
    write_file(marker(path), f"{SERVICE} {path}\n".encode())


@contextmanager
def _translated() -> Iterator[Any]:
    """Give the keyring of this session; what it refuses is told in our words."""
    try:
        keyring, errors = import_module("keyring"), import_module("keyring.errors")
    except ImportError as e:
        raise Stalled("the Python library keyring is not installed beside the agent", code="keyring_missing") from e
    try:
        yield keyring
    except errors.KeyringLocked as e:
        raise Unavailable("the keyring is locked", code="keyring_locked", retry_after_s=30) from e
    except errors.KeyringError as e:
        raise Stalled(f"there is no keyring that works in this session: {type(e).__name__}", code="keyring_missing") from e
