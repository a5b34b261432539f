"""Keys of releases and what is signed with them. The private key comes from outside and is never written into a checkout."""

import base64
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from chalicelib.domain.releases import PREAMBLE, Release, manifest, signed_text


class Unsigned(Exception):
    """There is no key to sign with; the message says what was wrong with it."""


def new_key(path: Path) -> Ed25519PrivateKey:
    """Make a key and write it to a file that is not there yet, for its owner's eyes only."""
    key = Ed25519PrivateKey.generate()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def read_private(pem: bytes) -> Ed25519PrivateKey:
    """Return a private key. Raise Unsigned if it is none for ed25519."""
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as e:
        raise Unsigned(f"the signing key cannot be read: {e}") from e
    if not isinstance(key, Ed25519PrivateKey):
        raise Unsigned("the signing key is not an ed25519 key; `python -m infra.release keygen` makes one")
    return key


def public_of(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def public_text(key: bytes) -> str:
    """Return a public key as it is configured and embedded."""
    return base64.b64encode(key).decode()


def signature_text(key: Ed25519PrivateKey, content: bytes) -> bytes:
    """Return what a .sig file beside a signed file holds."""
    return base64.b64encode(key.sign(content)) + b"\n"


def signed_manifest(release: Release, key: Ed25519PrivateKey) -> bytes:
    text = signed_text(release)
    return manifest(text, {public_of(key): key.sign(PREAMBLE + text.encode())})
