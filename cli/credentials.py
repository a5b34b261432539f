"""The stored logins: one file, one login per API address."""

import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from cli.errors import Failure, Unavailable

LOCK_WAIT_S = 45


@dataclass(frozen=True, slots=True)
class Login:
    username: str
    access_token: str
    refresh_token: str


@dataclass(frozen=True, slots=True)
class _State:
    current: str | None
    logins: Mapping[str, Login]


class Logins:
    """credentials.json: readable by its owner only, replaced as a whole, so that a reader never sees half of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "credentials.json"

    @property
    def current(self) -> str | None:
        """The API address of the last login, or None before the first."""
        return self._read().current

    def find(self, api_url: str) -> Login | None:
        return self._read().logins.get(api_url)

    def save(self, api_url: str, login: Login) -> None:
        """Keep this login and make its address the one that later commands use."""
        with self._locked():
            state = self._read()
            self._write(_State(api_url, {**state.logins, api_url: login}))

    def forget(self, api_url: str) -> None:
        """Drop the login; the address stays the current one, so that the next login goes there again."""
        with self._locked():
            self._drop(api_url)

    def renew(self, api_url: str, stale: str, exchange: Callable[[Login], Login | None]) -> Login | None:
        """Return a login whose access token is not `stale`, or None if the person has to log in again.

        A refresh token works once. Two commands that find their token expired at the same moment must not both spend it,
        so the exchange happens under a lock, and who comes second takes what the first has stored.
        """
        with self._locked():
            stored = self.find(api_url)
            if stored is None or stored.access_token != stale:
                return stored
            fresh = exchange(stored)
            if fresh is None:
                self._drop(api_url)
                return None
            state = self._read()
            self._write(_State(state.current, {**state.logins, api_url: fresh}))
            return fresh

    def _drop(self, api_url: str) -> None:
        state = self._read()
        if api_url in state.logins:
            self._write(_State(state.current, {url: login for url, login in state.logins.items() if url != api_url}))

    def _read(self) -> _State:
        try:
            data = json.loads(self.path.read_bytes())
            logins = {url: Login(**login) for url, login in data["logins"].items()}
            return _State(data["current"], logins)
        except FileNotFoundError:
            return _State(None, {})
        except OSError as e:
            raise Failure(f"cannot read {self.path}: {e.strerror}") from e
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise Failure(f"{self.path} is damaged", hints=["delete it, then run `crontopus auth login`"]) from e

    def _write(self, state: _State) -> None:
        content = {"current": state.current, "logins": {url: asdict(login) for url, login in state.logins.items()}}
        try:
            # mkstemp makes the file 0600 from its first moment on.
            handle, name = tempfile.mkstemp(dir=self.folder, prefix=".credentials-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(content, file, indent=2)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self.path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as e:
            raise Failure(f"cannot write {self.path}: {e.strerror}") from e

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with closing(self._lock()):
            yield

    def _lock(self) -> sqlite3.Connection:
        # SQLite's lock is the one in the standard library that works on every system and dies with its process.
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = sqlite3.connect(self.folder / "credentials.lock", LOCK_WAIT_S, isolation_level=None)
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as e:
            if "locked" in str(e):
                raise Unavailable("another crontopus command is busy with the login; try again") from e
            raise Failure(f"cannot write to {self.folder}: {e}") from e
        except OSError as e:
            raise Failure(f"cannot write to {self.folder}: {e.strerror}") from e
        return lock
