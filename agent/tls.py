"""Connections to those whom we trust, see agent.trust, and to nobody else."""

import base64
import hashlib
import re
import ssl
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from agent.trust import Trust

_SEQUENCE, _VERSION = 0x30, 0xA0


def session(trust: Trust) -> requests.Session:
    """Return a session that speaks https only with whom we trust."""
    found = requests.Session()
    found.mount("https://", _Adapter(trust))
    return found


def words(error: Exception) -> str:
    """Return what is wrong with a certificate, out of a long chain of causes."""
    found = re.search(r"certificate verify failed: ([^(']+)", str(error))
    return found[1].strip() if found else "the connection broke off"


def restrict(manager: Any, trust: Trust) -> None:
    """Let the connections of a urllib3 manager speak only with whom we trust."""
    if trust.pins:
        manager.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": _pool_of(trust.pins)}


def pin_of(certificate: bytes) -> str:
    """Return the pin of a certificate's public key. certificate: DER. Raise ValueError if it is none."""
    return f"sha256/{base64.b64encode(hashlib.sha256(_public_key(certificate)).digest()).decode()}"


class _Adapter(HTTPAdapter):
    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        restrict(self.poolmanager, self.trust)

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        restrict(manager, self.trust)
        return manager

    def send(self, *args: Any, **options: Any) -> requests.Response:
        # Here and not on the session: requests prefers REQUESTS_CA_BUNDLE to what a session says.
        if self.trust.ca_file:
            options["verify"] = self.trust.ca_file
        return super().send(*args, **options)


def _pool_of(pins: tuple[str, ...]) -> type[HTTPSConnectionPool]:
    class Connection(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            shown = self.sock.getpeercert(binary_form=True) if isinstance(self.sock, ssl.SSLSocket) else None
            if not shown or pin_of(shown) not in pins:
                self.close()
                raise ssl.SSLError("certificate verify failed: its key is none of those in `pins`")

    class Pool(HTTPSConnectionPool):
        ConnectionCls = Connection

    return Pool


def _public_key(certificate: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo within a certificate; see RFC 5280, section 4.1."""
    _, start, _ = _element(certificate, 0)  # Certificate
    _, at, _ = _element(certificate, start)  # TBSCertificate
    kind, _, end = _element(certificate, at)
    if kind == _VERSION:
        at = end
    for _ in range(5):  # serial number, algorithm, issuer, validity, subject
        _, _, at = _element(certificate, at)
    kind, _, end = _element(certificate, at)
    if kind != _SEQUENCE:
        raise ValueError("this is no certificate")
    return certificate[at:end]


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Return kind, where the content begins and where it ends."""
    try:
        kind, length, start = der[at], der[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length, start = int.from_bytes(der[start : start + count], "big"), start + count
    except IndexError as e:
        raise ValueError("this is no certificate") from e
    if start + length > len(der):
        raise ValueError("this is no certificate")
    return kind, start, start + length
