"""What this machine was told at enrolment. Secrets are not in it: they lie in files of their own beside it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import yaml

from agent import home as homes
from agent.home import Home
from chalicelib.domain.errors import Stalled

ENROLL_TOKEN = "CRONTOPUS_ENROLL_TOKEN"
DEFAULT_CRONTAB = "crontab"


@dataclass(frozen=True, slots=True)
class Remote:
    """The tenant's repository; the password lies in its own file."""

    url: str
    branch: str
    username: str


@dataclass(frozen=True, slots=True)
class Intervals:
    """How often the agent shows itself, looks for commits and looks for finished runs, in seconds."""

    heartbeat_s: float = 30
    sync_s: float = 30
    delivery_s: float = 1


@dataclass(frozen=True, slots=True)
class Config:
    """crontab: the program that reads and writes the user's table. allowed_users: as whom root's agent may start jobs."""

    api_url: str
    endpoint_id: str
    name: str
    git: Remote
    tenant_id: str | None = None
    crontab: str = DEFAULT_CRONTAB
    intervals: Intervals = field(default_factory=Intervals)
    allowed_users: tuple[str, ...] = ()


def environment() -> Mapping[str, str]:
    """Return the environment of this process."""
    return os.environ


def own_home() -> tuple[Home, Mapping[str, str]]:
    """Return the folder of the agent of whoever runs us, and the environment that says so."""
    environ = environment()
    return homes.find_home(environ, os.getuid()), environ


def load_config(home: Home) -> Config:
    """Return what the file says. Raise Stalled if there is none or a key or value is wrong, naming it."""
    try:
        document = yaml.safe_load(home.config.read_text(encoding="utf-8"))
    except FileNotFoundError as e:
        raise Stalled("this machine is not enrolled", code="not_enrolled") from e
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        raise _wrong(home, f"cannot be read: {str(e).splitlines()[0]}") from e
    return _read(home, document)


def save_config(home: Home, config: Config) -> None:
    """Write the file, whole or not at all."""
    document: dict[str, Any] = {
        "api_url": config.api_url,
        "endpoint_id": config.endpoint_id,
        "tenant_id": config.tenant_id,
        "name": config.name,
        "git": {"url": config.git.url, "branch": config.git.branch, "username": config.git.username},
        "crontab": config.crontab,
        "intervals": {
            "heartbeat_s": config.intervals.heartbeat_s,
            "sync_s": config.intervals.sync_s,
            "delivery_s": config.intervals.delivery_s,
        },
    }
    if config.allowed_users:
        document["allowed_users"] = list(config.allowed_users)
    homes.write_file(home.config, yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode())


def check_url(url: str, what: str) -> str:
    """Return the address without a final slash.

    Raise Stalled unless it is https (http only to this very machine) and free of user names, queries and fragments.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as e:
        raise Stalled(f"{what} is no address: {e}", code="config") from e
    if not host or parts.scheme not in ("http", "https"):
        raise Stalled(f"{what} must begin with https:// and name a host", code="config")
    if "@" in parts.netloc or parts.query or parts.fragment or not url.isascii() or any(mark in url for mark in " \t\r\n\\"):
        raise Stalled(f"{what} must be a plain address, without user name, query or blanks", code="config")
    if parts.scheme == "http" and not is_loopback(host):
        raise Stalled(f"{what} must use https: what is sent there holds this machine's credential", code="config")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address can only mean this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_KEYS = ("api_url", "endpoint_id", "tenant_id", "name", "git", "crontab", "intervals", "allowed_users")


def _read(home: Home, document: object) -> Config:
    top = _section(home, "", document, _KEYS)
    git = _section(home, "git.", top.get("git"), ("url", "branch", "username"))
    spans = _section(home, "intervals.", top.get("intervals") or {}, ("heartbeat_s", "sync_s", "delivery_s"))
    return Config(
        api_url=check_url(_text(home, top, "api_url"), "api_url"),
        endpoint_id=_text(home, top, "endpoint_id"),
        name=_text(home, top, "name"),
        git=Remote(
            url=check_url(_text(home, git, "url", "git."), "git.url"),
            branch=_text(home, git, "branch", "git."),
            username=_text(home, git, "username", "git."),
        ),
        tenant_id=_text(home, top, "tenant_id") if top.get("tenant_id") else None,
        crontab=_text(home, top, "crontab") if top.get("crontab") else DEFAULT_CRONTAB,
        intervals=Intervals(**{key: _seconds(home, key, value) for key, value in spans.items()}),
        allowed_users=_logins(home, top.get("allowed_users") or []),
    )


def _section(home: Home, prefix: str, value: object, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(home, f"{prefix.rstrip('.') or 'it'} must be a map")
    for key in value:
        if key not in known:
            near = get_close_matches(str(key), known, n=1)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known are {', '.join(known)}"
            raise _wrong(home, f"unknown key {prefix}{key}; {hint}")
    return value


def _text(home: Home, section: Mapping[str, Any], key: str, prefix: str = "") -> str:
    value = section.get(key)
    if not isinstance(value, str) or not value:
        raise _wrong(home, f"{prefix}{key} is required and must be text")
    return value


def _logins(home: Home, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(login, str) and login for login in value):
        raise _wrong(home, "allowed_users must be a list of login names")
    return tuple(value)


def _seconds(home: Home, key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.05 <= value <= 86400:
        raise _wrong(home, f"intervals.{key} must be a number of seconds from 0.05 to 86400")
    return float(value)


def _wrong(home: Home, what: str) -> Stalled:
    return Stalled(f"{home.config}: {what}", code="config")
