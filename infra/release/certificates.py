"""Whom TLS trusts. Stands in the agent's archive as certifi.core.

The system's certificates come first, as in Debian's and Fedora's certifi: they are kept up to date, and hold a company's own.
certifi's are the last resort, and OpenSSL reads them from a file only, not out of an archive.
"""

import atexit
from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path

SYSTEM = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_unpacked: list[str] = []


def where() -> str:
    """Return the path of a file of certificates."""
    for path in (*SYSTEM, *_beside()):
        if Path(path).is_file():
            return path
    if not _unpacked:
        kept = ExitStack()
        atexit.register(kept.close)
        _unpacked.append(str(kept.enter_context(as_file(files("certifi") / "cacert.pem"))))
    return _unpacked[0]


def _beside() -> list[str]:
    """Return where the build that brings its own Python keeps them, beside the archive: nobody cleans up there, as in /tmp."""
    archive = getattr(getattr(__spec__, "loader", None), "archive", None)
    return [str(Path(archive).with_name("cacert.pem"))] if archive else []


def contents() -> str:
    """Return the certificates."""
    return Path(where()).read_text(encoding="ascii")
