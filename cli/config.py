"""Where the settings come from: flag, environment, last login, default. Nothing else reads os.environ."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click
import platformdirs

DEFAULT_API_URL = "http://127.0.0.1:8080"

ENVIRONMENT = {
    "CRONTOPUS_API_URL": "address of the API; --api-url wins over it",
    "CRONTOPUS_TOKEN": "API token to use instead of the stored login",
    "CRONTOPUS_CONFIG_DIR": "folder that holds credentials.json",
    "NO_COLOR": "any value: no colours and no other escape codes",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """token: from CRONTOPUS_TOKEN; None means the stored login counts."""

    api_url: str
    token: str | None
    no_color: bool


def environment() -> Mapping[str, str]:
    """Return the environment of this process."""
    return os.environ


def folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of the command line's own files. It is not the agent's: the two may run as one user."""
    if given := environ.get("CRONTOPUS_CONFIG_DIR"):
        return Path(given).expanduser()
    return platformdirs.user_config_path("crontopus", appauthor=False)


def settings(environ: Mapping[str, str], *, api_url: str | None, last_api_url: str | None) -> Settings:
    """Return the settings in force. api_url: the flag. last_api_url: where the last login went.

    Raise click.UsageError, naming the culprit, if the address or the token cannot be used.
    """
    candidates = (
        ("--api-url", api_url),
        ("CRONTOPUS_API_URL", environ.get("CRONTOPUS_API_URL")),
        ("credentials.json", last_api_url),
        ("the default", DEFAULT_API_URL),
    )
    origin, address = next((origin, address) for origin, address in candidates if address)
    if problem := _address_problem(address):
        raise click.UsageError(f"{origin}: {problem}; write it like {DEFAULT_API_URL} or https://crontopus.example.com")
    return Settings(address.rstrip("/"), _token(environ), bool(environ.get("NO_COLOR")))


def _address_problem(address: str) -> str | None:
    try:
        parts = urlsplit(address)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError as e:
        return f"the address cannot be read ({e})"
    if parts.scheme not in ("http", "https") or not has_host:
        return "the address must begin with http:// or https:// and name a host"
    # A password in an address ends up in process lists, logs and error messages.
    if parts.username is not None:
        return "the address must not hold a user name or password"
    return "the address must not hold ? or #" if parts.query or parts.fragment else None


def _token(environ: Mapping[str, str]) -> str | None:
    token = environ.get("CRONTOPUS_TOKEN", "").strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise click.UsageError("CRONTOPUS_TOKEN holds characters that no token has")
    return token or None
