"""Whom we believe to be control plane and forge, beyond what every program believes: a CA of one's own, pinned keys."""

import re
from dataclasses import dataclass

_PIN = re.compile(r"sha256/[A-Za-z0-9+/]{43}=")


@dataclass(frozen=True, slots=True)
class Trust:
    """ca_file: certificates believed instead of the public ones. pins: where there are any, a host shows one of these keys."""

    ca_file: str | None = None
    pins: tuple[str, ...] = ()


EVERYBODY = Trust()


def pin_rule(value: object) -> str:
    """Return a pin. Raise ValueError unless it is one."""
    if not isinstance(value, str) or not _PIN.fullmatch(value):
        raise ValueError("must be sha256/ and the base64 of the SHA-256 of a public key, 44 characters")
    return value
