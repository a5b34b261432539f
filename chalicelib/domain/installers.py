"""Installer scripts: which there are, and how a value gets into one without becoming code."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

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
class Package:
    """What an installer downloads: a .tar.gz and the SHA-256 of its bytes, hex."""

    url: str
    sha256: str

    @property
    def problem(self) -> str | None:
        """Why no installer may name it, or None."""
        if not self.url or not self.sha256:
            return "is not set"
        if not _SHA256.fullmatch(self.sha256):
            return "has a checksum that is not 64 hex digits in lower case"
        return None if _is_safe(self.url) else "has an address that is not https"


def _is_safe(url: str) -> bool:
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
