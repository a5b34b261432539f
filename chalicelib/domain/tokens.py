"""Bearer tokens: `<prefix>_<43 base62 of 32 random bytes><6 base62 CRC32 of all before>`.

The checksum catches typing errors and lets secret scanners be sure; it is not what makes a token safe, 256 random bits are.
At rest only the SHA-256 is kept (OWASP ASVS 5.0, 6.5.2: a plain hash is fine from 112 random bits on).
"""

import hashlib
import hmac
import zlib
from typing import Literal

TokenKind = Literal["api", "enrollment", "endpoint", "refresh", "verification", "ping", "device", "handover", "break_glass"]

PREFIX: dict[TokenKind, str] = {
    "api": "ctp",
    "enrollment": "cet",
    "endpoint": "cte",
    "refresh": "ctr",
    "verification": "ctv",
    "device": "ctd",
    "handover": "cth",
    "break_glass": "ctb",
}
KIND: dict[str, TokenKind] = {prefix: kind for kind, prefix in PREFIX.items()}

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def mint(kind: TokenKind, random: bytes) -> str:
    """Return a new token of this kind, 53 characters. random: 32 bytes from the system's generator."""
    body = f"{PREFIX[kind]}_{_base62(int.from_bytes(random, 'big'), 43)}"
    return body + _checksum(body)


def successor(token: str, kind: TokenKind, key: bytes) -> str:
    """Return the one token that follows this one. Who does not have the key cannot tell it from a random one."""
    return mint(kind, hmac.digest(key, b"successor of " + token.encode(), "sha256"))


def kind_of(token: str) -> TokenKind | None:
    """Return the kind a token claims, or None if it is no token of ours or was mistyped."""
    kind = KIND.get(token[:3])
    is_whole = len(token) == 53 and token.isascii() and token[3] == "_" and _checksum(token[:-6]) == token[-6:]
    return kind if is_whole else None


def digest(token: str) -> str:
    """Return the SHA-256 under which a token is looked up, 64 hex digits."""
    return hashlib.sha256(token.encode()).hexdigest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), 6)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, rest = divmod(number, 62)
        digits.append(_BASE62[rest])
    return "".join(reversed(digits))
