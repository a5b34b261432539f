"""The system's keyring, where the session has one that a program may use."""

from typing import Protocol

from cli.errors import Failure

SERVICE = "crontopus"


class Keyring(Protocol):
    """What keeps a secret by its name. None: there is no such secret. Each raises Failure if the keyring does not answer."""

    def get(self, name: str) -> str | None: ...
    def put(self, name: str, secret: str) -> None: ...
    def drop(self, name: str) -> None: ...


class SystemKeyring:
    """Secret Service, macOS Keychain or Windows Credential Manager, through the `keyring` library."""

    def get(self, name: str) -> str | None:
        import keyring
        from keyring.errors import KeyringError

        try:
            return keyring.get_password(SERVICE, name)
        except KeyringError as e:
            raise _silent(e) from e

    def put(self, name: str, secret: str) -> None:
        import keyring
        from keyring.errors import KeyringError

        try:
            keyring.set_password(SERVICE, name, secret)
        except KeyringError as e:
            raise _silent(e) from e

    def drop(self, name: str) -> None:
        import keyring
        from keyring.errors import KeyringError, PasswordDeleteError

        try:
            keyring.delete_password(SERVICE, name)
        except PasswordDeleteError:
            return  # it was gone already
        except KeyringError as e:
            raise _silent(e) from e


def find_keyring() -> Keyring | None:
    """Return the system's keyring, None where there is none: over ssh, in a container, in cron."""
    # Imported late: it searches for its backends, 45 ms that a command without a keyring does not need.
    import keyring
    from keyring.core import recommended

    return SystemKeyring() if recommended(keyring.get_keyring()) else None


def _silent(error: Exception) -> Failure:
    hints = ["unlock it, or keep the login in a file: crontopus auth login --insecure-storage"]
    return Failure(f"the keyring does not answer ({error or type(error).__name__})", hints=hints)
