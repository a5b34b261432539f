"""What this machine was told at enrolment. Secrets are not in it: they lie in files of their own beside it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from agent import home as homes
from agent.drift import POLICIES, Policy
from agent.home import Home
from agent.logs import LEVELS
from agent.settings import as_document, read, setting, told
from agent.system import system
from agent.trust import Trust, pin_rule
from chalicelib.domain.errors import Invalid, Stalled
from chalicelib.domain.manifest_values import choice, list_of, login, text
from chalicelib.domain.releases import CHANNELS

ENROLL_TOKEN = "CRONTOPUS_ENROLL_TOKEN"
DEFAULT_CRONTAB = "crontab"
VERSION = 1


def address(value: object) -> str:
    """Return an address without a final slash.

    Raise ValueError unless it is https (http only to this very machine) and free of user names, queries and fragments.
    """
    url = text(value)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as e:
        raise ValueError(f"is no address: {e}") from e
    if not host or parts.scheme not in ("http", "https"):
        raise ValueError("must begin with https:// and name a host")
    if "@" in parts.netloc or parts.query or parts.fragment or not url.isascii() or any(mark in url for mark in " \t\r\n\\"):
        raise ValueError("must be a plain address, without user name, query or blanks")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("must use https: what is sent there holds this machine's credential")
    return url.rstrip("/")


def word(value: object) -> str:
    """Return text that is not empty."""
    if not text(value).strip():
        raise ValueError("must not be empty")
    return str(value)


def program(value: object) -> str:
    """Return the name or the path of a program."""
    return _without_tilde(word(value))


def on_revoke(value: object) -> str:
    """Return what becomes of the jobs when the endpoint was revoked or deleted."""
    if value not in ("keep", "remove"):
        raise ValueError("must be keep or remove")
    return str(value)


def whole_path(value: object) -> str:
    """Return the absolute path of a file."""
    path = _without_tilde(word(value))
    if not Path(path).is_absolute():
        raise ValueError(f"must be a whole path, not {path!r}")
    return path


def seconds(value: object) -> float:
    """Return a number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.05 <= value <= 86400:
        raise ValueError("must be a number of seconds from 0.05 to 86400")
    return float(value)


def update_mode(value: object) -> str:
    """Return what to do about releases: off, notify or auto."""
    # YAML reads a bare off as false.
    mode = "off" if value is False else value
    if mode not in ("off", "notify", "auto"):
        raise ValueError("must be off, notify or auto")
    return str(mode)


def channel(value: object) -> str:
    """Return the channel that releases are taken from."""
    if value not in CHANNELS:
        raise ValueError(f"must be {' or '.join(CHANNELS)}")
    return str(value)


def drift_policy(value: object) -> Policy:
    """Return what becomes of lines of ours that somebody else changed."""
    for policy in POLICIES:
        if value == policy:
            return policy
    raise ValueError(f"must be one of {', '.join(POLICIES)}")


def level(value: object) -> str:
    """Return the name of a log level."""
    if value not in LEVELS:
        raise ValueError(f"must be one of {', '.join(LEVELS)}")
    return str(value)


def yes_or_no(value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def prom_file(value: object) -> str:
    """Return the path of a file that node_exporter reads."""
    path = _without_tilde(word(value))
    if not path.startswith("/") or not path.endswith(".prom"):
        raise ValueError("must be the whole path of a file that ends in .prom; node_exporter reads no other")
    return path


def host_and_port(value: object) -> str:
    """Return host:port, such as 127.0.0.1:9464 or [::1]:9464."""
    host, _, port = word(value).rpartition(":")
    if not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ValueError("must be an address and a port from 1 to 65535, such as 127.0.0.1:9464")
    try:
        if host != "localhost":
            ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    except ValueError:
        raise ValueError("must begin with an address such as 127.0.0.1, [::1] or localhost") from None
    return str(value)


def _without_tilde(path: str) -> str:
    # Whose home it would be depends on who runs us: `sudo` keeps some environments and not others.
    if path.startswith("~"):
        raise ValueError(f"`~` stands for no folder here; write the whole path instead of {path!r}")
    return path


def file_version(value: object) -> int:
    """Return the version of the file's form. Raise ValueError if it is not ours."""
    if value != VERSION or isinstance(value, bool):
        raise ValueError(f"must be {VERSION}; another agent wrote this file, so install that one or enroll again")
    return VERSION


@dataclass(frozen=True, slots=True)
class Remote:
    """The tenant's repository; the password lies in its own file."""

    url: str = field(metadata=told(address))
    branch: str = field(metadata=told(word))
    username: str = field(metadata=told(word))


@dataclass(frozen=True, slots=True)
class Intervals:
    """How often the agent shows itself, looks for commits and looks for finished runs, in seconds."""

    heartbeat_s: float = field(default=30, metadata=setting(seconds, is_in_environment=True, is_shown=True))
    sync_s: float = field(default=30, metadata=setting(seconds, is_in_environment=True, is_shown=True))
    delivery_s: float = field(default=1, metadata=setting(seconds, is_in_environment=True, is_shown=True))


@dataclass(frozen=True, slots=True)
class Log:
    """level: what is logged at least. file: whether to agent.log too, besides standard error or the journal."""

    level: str = field(default="info", metadata=setting(level, is_in_environment=True))
    file: bool = field(default=True, metadata=setting(yes_or_no))


@dataclass(frozen=True, slots=True)
class Metrics:
    """textfile: for node_exporter. listen: host:port of /metrics and /healthz; allow_remote: not only on this machine."""

    textfile: str | None = field(default=None, metadata=setting(prom_file))
    listen: str | None = field(default=None, metadata=setting(host_and_port))
    allow_remote: bool = field(default=False, metadata=setting(yes_or_no))

    def __post_init__(self) -> None:
        address = self.address
        if address and not is_loopback(address[0]) and not self.allow_remote:
            why = f"{address[0]} is not of this machine alone, and whoever reaches it could read the names of your jobs"
            raise Invalid.of({"metrics.listen": f"{why}; say metrics.allow_remote: true if that is meant"})

    @property
    def is_wanted(self) -> bool:
        return bool(self.textfile or self.listen)

    @property
    def address(self) -> tuple[str, int] | None:
        """Return host and port, None if nobody is to ask."""
        if not self.listen:
            return None
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


@dataclass(frozen=True, slots=True)
class Config:
    """crontab: the program that reads and writes the user's table. allowed_users: as whom root's agent may start jobs.
    drift: what becomes of lines of ours that somebody else changed.

    on_revoke: whether the jobs stay when the endpoint was revoked or deleted.

    ca_file, pins: see agent.trust. credentials: where they are kept, see agent.keyrings.

    A key is declared here and nowhere else, with the rule that reads it; docs/agent.md lists them.
    """

    api_url: str = field(metadata=told(address))
    endpoint_id: str = field(metadata=told(word))
    name: str = field(metadata=told(word))
    git: Remote
    tenant_id: str | None = field(default=None, metadata=told(word))
    crontab: str = field(default=DEFAULT_CRONTAB, metadata=setting(program, is_in_environment=True, is_shown=True))
    intervals: Intervals = field(default_factory=Intervals)
    log: Log = field(default_factory=Log)
    metrics: Metrics = field(default_factory=Metrics)
    allowed_users: tuple[str, ...] = field(default=(), metadata=setting(list_of(login)))
    updates: str = field(default="off", metadata=setting(update_mode, is_in_environment=True))
    update_channel: str = field(default="stable", metadata=setting(channel, is_in_environment=True))
    drift: Policy = field(default="heal", metadata=setting(drift_policy, is_in_environment=True))
    on_revoke: str = field(default="keep", metadata=setting(on_revoke))
    credentials: str = field(default="file", metadata=setting(choice("file", "keyring")))
    ca_file: str | None = field(default=None, metadata=setting(whole_path, is_in_environment=True))
    pins: tuple[str, ...] = field(default=(), metadata=setting(list_of(pin_rule)))
    version: int = field(default=VERSION, metadata=told(file_version))

    @property
    def trust(self) -> Trust:
        """Return whom we believe to be API and forge."""
        return Trust(self.ca_file, self.pins)


def environment() -> Mapping[str, str]:
    """Return the environment of this process."""
    return os.environ


def own_home() -> tuple[Home, Mapping[str, str]]:
    """Return the folder of the agent of whoever runs us, and the environment that says so."""
    environ = environment()
    return homes.find_home(environ, system.uid()), environ


def load_config(home: Home, environ: Mapping[str, str] | None = None) -> Config:
    """Return what the file says. Raise Stalled if there is none or keys or values are wrong, naming all of them.

    environ: whose variables override the file's settings, by default this process's.
    """
    try:
        content = home.config.read_bytes()
    except FileNotFoundError as e:
        raise Stalled("this machine is not enrolled", code="not_enrolled") from e
    except PermissionError as e:
        said = f"{home.config} belongs to somebody else; run this as the user whose agent it is"
        raise Stalled(said, code="home_unusable") from e
    except OSError as e:
        raise Stalled(f"{home.config}: cannot be read: {e.strerror}", code="config") from e
    try:
        return read(Config, content, environment() if environ is None else environ)
    except Invalid as e:
        first, *others = [f"{place}: {words}" for place, words in e.problems.items()]
        more = f"; and {len(others)} more" if others else ""
        problems = e.problems if others else {}
        raise Stalled(f"{home.config}: {first}{more}", code="config", problems=problems) from e


def save_config(home: Home, config: Config) -> None:
    """Write the file, whole or not at all."""
    document = as_document(config)
    homes.write_file(home.config, yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode())


def check_url(url: str, what: str) -> str:
    """Return the address without a final slash. Raise Stalled, naming `what` it is, if a credential is not safe there."""
    try:
        return address(url)
    except ValueError as e:
        raise Stalled(f"{what} {e}", code="config") from e


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address can only mean this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
