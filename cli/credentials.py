"""The stored logins, one for each account: which there are stands in a file, their secrets in the keyring or beside it."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from cli import files
from cli.errors import Failure, Unavailable
from cli.keyrings import Keyring

LOCK_WAIT_S = 45
# What stands in the file in place of a login that the keyring holds.
_ELSEWHERE = {"in": "keyring"}


@dataclass(frozen=True, slots=True)
class Login:
    """refresh_token: None for an API token, which nothing renews. username: empty where a token may not ask for it."""

    username: str
    access_token: str
    refresh_token: str | None


@dataclass(frozen=True, slots=True)
class _State:
    """current: the address of the last login, as an older version kept it. logins: None where the keyring has it.

    is_told: whether the person knows that logins are in a file.
    """

    current: str | None = None
    logins: Mapping[str, Login | None] = field(default_factory=dict)
    is_told: bool = False


def _no_keyring() -> Keyring | None:
    return None


class Logins:
    """credentials.json: readable by its owner only, replaced as a whole. find_keyring: asked only where it is needed."""

    def __init__(self, folder: Path, find_keyring: Callable[[], Keyring | None] = _no_keyring) -> None:
        self.folder = folder
        self.path = folder / "credentials.json"
        self._find_keyring = find_keyring

    @property
    def last_api_url(self) -> str | None:
        """The address of the last login where an older version made it, else None."""
        return self._read().current

    @property
    def accounts(self) -> Mapping[str, str]:
        """Each account with a login, and where its secret is: `keyring` or `file`."""
        return {account: "file" if login else "keyring" for account, login in self._read().logins.items()}

    def find(self, account: str) -> Login | None:
        logins = self._read().logins
        return logins[account] or self._from_keyring(account) if account in logins else None

    def save(self, account: str, login: Login, *, only_file: bool = False) -> bool:
        """Keep this login. Tell whether the person is to hear, for the first and only time, that it is kept in a file."""
        with self._locked():
            state = self._read()
            is_in_keyring = not only_file and self._put_into_keyring(account, login)
            if not is_in_keyring and state.logins.get(account, login) is None:
                self._drop_from_keyring(account)
            logins = {**state.logins, account: None if is_in_keyring else login}
            self._write(replace(state, logins=logins, is_told=state.is_told or not is_in_keyring))
            return not is_in_keyring and not state.is_told

    def forget(self, account: str) -> None:
        """Drop the login."""
        with self._locked():
            self._drop(account)

    def renew(self, account: str, stale: str, exchange: Callable[[Login], Login | None]) -> Login | None:
        """Return a login whose access token is not `stale`, or None if the person has to log in again.

        A refresh token works once. Two commands that find their token expired at the same moment must not both spend it,
        so the exchange happens under a lock, and who comes second takes what the first has stored.
        """
        with self._locked():
            stored = self.find(account)
            if stored is None or stored.access_token != stale:
                return stored
            fresh = exchange(stored)
            if fresh is None:
                self._drop(account)
                return None
            self._keep(account, fresh)
            return fresh

    def _keep(self, account: str, fresh: Login) -> None:
        """Put a renewed login where the old one was; into the file if the keyring has closed meanwhile, as it is spent else."""
        state = self._read()
        is_in_keyring = state.logins.get(account, fresh) is None and self._put_into_keyring(account, fresh)
        if not is_in_keyring:
            self._write(replace(state, logins={**state.logins, account: fresh}))

    def _drop(self, account: str) -> None:
        state = self._read()
        if account not in state.logins:
            return
        if state.logins[account] is None:
            self._drop_from_keyring(account)
        self._write(replace(state, logins={key: login for key, login in state.logins.items() if key != account}))

    def _from_keyring(self, account: str) -> Login | None:
        keyring = self._find_keyring()
        if keyring is None:
            hint = "log in again; --insecure-storage keeps the login in a file"
            raise Failure(f"the login to {account} is in a keyring that this session does not have", hints=[hint])
        secret = keyring.get(account)
        try:
            return Login(**json.loads(secret)) if secret else None
        except (ValueError, TypeError) as e:
            raise Failure(f"what the keyring holds for {account} is damaged", hints=["run `crontopus auth login`"]) from e

    def _put_into_keyring(self, account: str, login: Login) -> bool:
        keyring = self._find_keyring()
        if keyring is None:
            return False
        try:
            keyring.put(account, json.dumps(asdict(login)))
        except Failure:
            return False  # locked, or too small for it: the file takes it
        return True

    def _drop_from_keyring(self, account: str) -> None:
        if keyring := self._find_keyring():
            keyring.drop(account)

    def _read(self) -> _State:
        try:
            data = json.loads(self.path.read_bytes())
            logins = {url: None if login == _ELSEWHERE else Login(**login) for url, login in data["logins"].items()}
            return _State(data["current"], logins, bool(data.get("is_told")))
        except FileNotFoundError:
            return _State()
        except OSError as e:
            raise Failure(f"cannot read {self.path}: {e.strerror}") from e
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise Failure(f"{self.path} is damaged", hints=["delete it, then run `crontopus auth login`"]) from e

    def _write(self, state: _State) -> None:
        logins: dict[str, Any] = {key: asdict(login) if login else _ELSEWHERE for key, login in state.logins.items()}
        content = {"current": state.current, "logins": logins, "is_told": state.is_told}
        files.replace(self.path, json.dumps(content, indent=2))

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
