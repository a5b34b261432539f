"""Secrets of one local stack: made when first asked for, kept in files that only their owner reads."""

import base64
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Account:
    """Who signs in: a user of the forge or of the application."""

    login: str
    password: str


class KeptSecrets:
    """The folder of secrets."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        return self._folder / name

    def text(self, name: str, make: Callable[[], str]) -> str:
        """Return the secret of this name; the first time, what `make` returns."""
        path = self.path(name)
        if not path.exists():
            self.write(name, make())
        return path.read_text()

    def write(self, name: str, text: str) -> None:
        """Keep the secret, complete or not at all, readable by its owner alone."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = self.path(f"{name}.tmp")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        unfinished.replace(self.path(name))

    def forge_admin(self) -> Account:
        """Return the forge's administrator; the password alone is in the file that the forge reads."""
        return Account("crontopus-admin", self.text("forge-admin-password", _make_password))

    def demo_tenant(self) -> Account:
        """Return the demo's user."""
        made = self.text("demo-tenant.json", lambda: json.dumps(asdict(Account("demo", _make_password()))))
        return Account(**json.loads(made))

    def signing_keys(self) -> dict[str, str]:
        """Return the keys that sign the application's tokens, by key id, base64 of 32 bytes."""
        made = self.text("signing-keys.json", lambda: json.dumps({secrets.token_hex(4): _make_key()}))
        return dict(json.loads(made))


def _make_password() -> str:
    return secrets.token_urlsafe(18)


def _make_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
