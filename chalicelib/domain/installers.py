"""Installer scripts: which there are, and how a value gets into one without becoming code."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from chalicelib.domain import releases

_SHA256 = re.compile(r"[0-9a-f]{64}")
# PowerShell takes these for a single quote too, and doubles them alike.
_POWERSHELL_QUOTES = "'\u2018\u2019\u201a\u201b"


@dataclass(frozen=True, slots=True)
class Installer:
    """template: the file it is made of. words: what its platform is called."""

    platform: str
    template: str
    filename: str
    words: str

    @property
    def is_powershell(self) -> bool:
        return self.template.endswith(".ps1")


INSTALLERS: Mapping[str, Installer] = {
    "linux": Installer("linux", "install.sh", "install-crontopus-linux.sh", "Linux"),
    "macos": Installer("macos", "install.sh", "install-crontopus-macos.sh", "macOS"),
    "windows": Installer("windows", "install.ps1", "install-crontopus-windows.ps1", "Windows"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """The release that this control plane installs.

    url: where releases lie, see infra/release/publish.py. sums_sha256: of the version's SHA256SUMS, hex, which pins every file.
    keys: public keys, base64, one of which has signed it. minimum_version: agents below it are told that they are too old.
    """

    url: str
    version: str
    sums_sha256: str
    keys: tuple[str, ...]
    minimum_version: str = ""

    @property
    def folder(self) -> str:
        return f"{self.url.rstrip('/')}/{self.version}"

    @property
    def problem(self) -> str | None:
        """Why no installer may name it, or None."""
        if not self.url or not self.version or not self.sums_sha256:
            return "is not set"
        if not _SHA256.fullmatch(self.sums_sha256):
            return "has a checksum that is not 64 hex digits in lower case"
        if not is_safe(self.url):
            return "has an address that is not https"
        try:
            releases.order(self.version)
            keys = [releases.read_key(key) for key in self.keys]
        except ValueError as e:
            return str(e)
        return None if keys else "has no public key that tells it from a forged one"


def is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(parts.hostname)))


def _is_this_machine(host: str | None) -> bool:
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def fill(installer: Installer, template: str, values: Mapping[str, str]) -> str:
    """Return the script: every `@NAME@` becomes its value as a literal of the script's language."""
    quote = powershell_quoted if installer.is_powershell else shlex.quote
    script = template.replace("@PLATFORM_WORDS@", installer.words).replace("@PLATFORM@", quote(installer.platform))
    for name, value in values.items():
        script = script.replace(f"@{name}@", quote(value))
    return script


def powershell_quoted(text: str) -> str:
    """Return a text as a literal between single quotes, in which only a quote means anything, and two mean one."""
    return "'" + "".join(mark * 2 if mark in _POWERSHELL_QUOTES else mark for mark in text) + "'"
