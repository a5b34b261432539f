"""Releases of the agent: what a signed manifest says, and when an update may be believed.

A manifest is `{"signed": TEXT, "signatures": [{"key": ID, "signature": BASE64}]}`; TEXT is the JSON of a Release, and what is
signed is the line PREAMBLE and TEXT as it stands. So nobody has to agree how JSON is written, and no other signature of ours
can be taken for a manifest's.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from chalicelib.domain import ed25519
from chalicelib.domain.errors import Stalled
from chalicelib.domain.times import from_text, to_text

Channel = Literal["stable", "beta"]
Kind = Literal["pyz", "native", "deb"]
CHANNELS: tuple[Channel, ...] = ("stable", "beta")
PREAMBLE = b"crontopus release 1\n"
MAX_MANIFEST_BYTES = 64 * 1024
ANY_PLATFORM = "any"

_VERSION = re.compile(r"([0-9]{1,5})\.([0-9]{1,5})\.([0-9]{1,5})(?:(a|b|rc)([0-9]{1,5}))?(?:\+[0-9a-z.]{1,30})?")
_STAGES = {"a": 0, "b": 1, "rc": 2, None: 3}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class File:
    """One artefact. platform: such as linux-x86_64, or any. name: of the file, beside the manifest of its version."""

    platform: str
    kind: str
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Release:
    """min_version: agents older than this must take a version in between first, None if any may."""

    version: str
    channel: str
    released: datetime
    expires: datetime
    min_version: str | None
    files: tuple[File, ...]

    def find(self, kind: str, platform: str) -> File | None:
        """Return the artefact of this kind for a platform, None if there is none."""
        fitting = (file for file in self.files if file.kind == kind and file.platform in (platform, ANY_PLATFORM))
        return next(fitting, None)


def order(version: str) -> tuple[int, ...]:
    """Return what versions are compared by: 0.9.0 < 0.10.0rc1 < 0.10.0. What stands after a + does not count.

    Raise ValueError if the text is no version of ours.
    """
    match = _VERSION.fullmatch(version)
    if not match:
        raise ValueError(f"{version!r} is no version; expected something like 1.4.0 or 1.4.0rc1")
    major, minor, patch, stage, number = match.groups()
    return int(major), int(minor), int(patch), _STAGES[stage], int(number or 0)


def is_outdated(version: str, minimum: str) -> bool:
    """Tell whether an agent's version is below the minimum. One that is no version of ours is not judged."""
    try:
        return bool(minimum) and order(version) < order(minimum)
    except ValueError:
        return False


def key_id(key: bytes) -> str:
    """Return the short name of a public key: it says which one signed, and proves nothing."""
    return hashlib.sha256(key).hexdigest()[:16]


def read_key(text: str) -> bytes:
    """Return a public key from its base64. Raise ValueError if it is none."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error as e:
        raise ValueError(f"{text!r} is no public key: {e}") from e
    if len(key) != 32:
        raise ValueError(f"{text!r} is no public key: an ed25519 key has 32 bytes")
    return key


def signed_text(release: Release) -> str:
    """Return the text that is signed."""
    files = [asdict(file) for file in release.files]
    moments = {"released": to_text(release.released), "expires": to_text(release.expires)}
    fields = {"version": release.version, "channel": release.channel, **moments, "min_version": release.min_version}
    return json.dumps({**fields, "files": files}, indent=1)


def manifest(text: str, signatures: Mapping[bytes, bytes]) -> bytes:
    """Return a manifest. signatures: public key -> its signature of PREAMBLE and text."""
    told = [{"key": key_id(key), "signature": base64.b64encode(made).decode()} for key, made in signatures.items()]
    return (json.dumps({"signed": text, "signatures": told}, indent=1) + "\n").encode()


def read_manifest(content: bytes, keys: Sequence[bytes], now: datetime, *, may_be_expired: bool = False) -> Release:
    """Return what a manifest says, if one of these keys has signed it and it is in force.

    Raise Stalled, `update_untrusted` or `update_expired`, saying why it is not believed.
    """
    try:
        document: Any = json.loads(content) if len(content) <= MAX_MANIFEST_BYTES else None
        text, signatures = str(document["signed"]), list(document["signatures"])
    except (ValueError, TypeError, KeyError) as e:
        raise _untrusted("it is no manifest, or not whole") from e
    if not keys:
        raise _untrusted("this build trusts no release key; it was not made for updates")
    if not _is_signed(text.encode(), signatures, keys):
        known = ", ".join(key_id(key) for key in keys)
        raise _untrusted(f"none of the keys that this agent trusts ({known}) has signed it")
    # Only now is anything of it looked at.
    release = _read(json.loads(text))
    if release.expires <= now and not may_be_expired:
        moment = to_text(release.expires)
        raise Stalled(f"the manifest of release {release.version} was good until {moment}", code="update_expired")
    return release


def _is_signed(text: bytes, signatures: Iterable[Any], keys: Sequence[bytes]) -> bool:
    made = []
    for one in signatures:
        try:
            made.append(base64.b64decode(one["signature"], validate=True))
        except (TypeError, KeyError, ValueError):
            continue
    return any(ed25519.is_valid(key, PREAMBLE + text, signature) for signature in made[:4] for key in keys)


def _read(told: Any) -> Release:
    """Return the release that a signed text describes. Raise Stalled if it does not: whoever signed it made a mistake."""
    try:
        files = tuple(File(*(one[name] for name in ("platform", "kind", "name", "size", "sha256"))) for one in told["files"])
        release = Release(
            version=told["version"],
            channel=told["channel"],
            released=from_text(told["released"]),
            expires=from_text(told["expires"]),
            min_version=told["min_version"],
            files=files,
        )
        order(release.version)
        if release.min_version is not None:
            order(release.min_version)
        if not all(map(_is_sound, files)):
            raise ValueError("a file's name, size or checksum is not what it should be")
    except (ValueError, TypeError, KeyError) as e:
        raise _untrusted(f"it is signed, but cannot be read: {e}") from e
    return release


def _is_sound(file: File) -> bool:
    return bool(_NAME.fullmatch(file.name) and _SHA256.fullmatch(file.sha256) and 0 < file.size <= 512 * 1024 * 1024)


def _untrusted(why: str) -> Stalled:
    return Stalled(f"the release manifest is not believed: {why}", code="update_untrusted")
