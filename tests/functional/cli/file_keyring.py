"""A keyring for programs in tests: each secret is a file in the folder that TEST_KEYRING names."""

import os
from pathlib import Path
from urllib.parse import quote

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class FileKeyring(KeyringBackend):
    priority = 5  # type: ignore[assignment]

    def get_password(self, service: str, username: str) -> str | None:
        path = self._path(service, username)
        return path.read_text() if path.exists() else None

    def set_password(self, service: str, username: str, password: str) -> None:
        self._path(service, username).write_text(password)

    def delete_password(self, service: str, username: str) -> None:
        try:
            self._path(service, username).unlink()
        except FileNotFoundError as e:
            raise PasswordDeleteError from e

    def _path(self, service: str, username: str) -> Path:
        return Path(os.environ["TEST_KEYRING"], quote(f"{service} {username}", safe=""))
