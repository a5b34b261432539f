"""Getting releases: over TLS, within limits, to the last byte. Whether they are to be believed is decided elsewhere."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests

from agent.config import is_loopback
from agent.errors import of_os_error
from chalicelib.domain.errors import Stalled, Unavailable
from chalicelib.domain.releases import MAX_MANIFEST_BYTES, File

TIMEOUT_S = (5, 30)
_CHUNK = 256 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 5
Fetch = Callable[[str], bytes]


def fetch(url: str, session: requests.Session | None = None) -> bytes:
    """Return a small document. Raise Unavailable, or Stalled if it is not there."""
    with _answer(url, session) as response:
        return b"".join(_chunks(url, response, MAX_MANIFEST_BYTES + 1))


def save(url: str, path: Path, file: File, session: requests.Session | None = None) -> None:
    """Write an artefact. Raise Unavailable if it came in part, Stalled if it is not the one that was signed."""
    digest, size = hashlib.sha256(), 0
    try:
        with _answer(url, session) as response, path.open("wb") as target:
            for chunk in _chunks(url, response, file.size + 1):
                digest.update(chunk)
                size += len(chunk)
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
    except OSError as e:
        raise of_os_error(e, f"{path} cannot be written") from e
    if size < file.size:
        raise Unavailable(f"{url} broke off after {size} of {file.size} bytes", code="update_unavailable", retry_after_s=60)
    if size > file.size or digest.hexdigest() != file.sha256:
        raise Stalled(f"{url} is not the file that was signed", code="update_damaged")


@contextmanager
def _answer(url: str, session: requests.Session | None) -> Iterator[requests.Response]:
    calls = session or requests.Session()
    for _ in range(_MAX_REDIRECTS + 1):
        _refuse_plain(url)
        try:
            # Some auth has to be named, else requests looks for a password in ~/.netrc.
            options = {"timeout": TIMEOUT_S, "allow_redirects": False, "stream": True}
            response = calls.get(url, auth=lambda request: request, **options)  # type: ignore[arg-type]
        except (requests.RequestException, OSError) as e:
            raise _unreachable(url, e) from e
        with response:
            if response.status_code in _REDIRECTS and response.headers.get("Location"):
                url = urljoin(url, response.headers["Location"])
                continue
            if response.status_code == 200:
                yield response
                return
            if response.status_code in (429,) or response.status_code >= 500:
                raise Unavailable(f"{url} answered HTTP {response.status_code}", code="update_unavailable", retry_after_s=60)
            raise Stalled(f"{url} answered HTTP {response.status_code}", code="update_missing")
    raise Stalled(f"{url} leads to ever other addresses", code="update_missing")


def _chunks(url: str, response: requests.Response, most: int) -> Iterator[bytes]:
    """Yield the answer's bytes, at most `most` of them."""
    left = most
    try:
        for chunk in response.iter_content(_CHUNK):
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return
    except (requests.RequestException, OSError) as e:
        raise _unreachable(url, e) from e


def _refuse_plain(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise Stalled(f"{url} is not https", code="update_missing")


def _unreachable(url: str, error: Exception) -> Unavailable:
    return Unavailable(f"{url} cannot be fetched: {type(error).__name__}", code="update_unavailable", retry_after_s=60)
