"""A release as it lies on a web server: FOLDER/VERSION/ with its files, FOLDER/CHANNEL.json saying which version is to be had.

In VERSION/: the artefacts, SHA256SUMS over them with its signature, and manifest.json, the signed one of this version.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chalicelib.domain.releases import Channel, File, Release, read_manifest
from infra.release.signing import public_of, signature_text, signed_manifest

SUMS = "SHA256SUMS"
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Artefact:
    """platform: what it runs on, or any."""

    platform: str
    kind: str
    name: str
    content: bytes

    @property
    def file(self) -> File:
        return File(self.platform, self.kind, self.name, len(self.content), hashlib.sha256(self.content).hexdigest())


@dataclass(frozen=True, slots=True)
class Terms:
    """What a release says besides its files. good_for: how long the manifest is in force before it has to be signed anew."""

    channel: Channel
    released: datetime
    good_for: timedelta
    min_version: str | None = None


def publish(folder: Path, version: str, artefacts: Iterable[Artefact], terms: Terms, key: Ed25519PrivateKey) -> str:
    """Write a release and return the SHA-256 of its SHA256SUMS: what a control plane pins."""
    place = folder / version
    place.mkdir(parents=True, exist_ok=True)
    files = []
    for artefact in artefacts:
        write(place / artefact.name, artefact.content)
        files.append(artefact.file)
    sums = "".join(f"{file.sha256}  {file.name}\n" for file in files).encode()
    write(place / SUMS, sums)
    write(place / f"{SUMS}.sig", signature_text(key, sums))
    expires = terms.released + terms.good_for
    offer(folder, Release(version, terms.channel, terms.released, expires, terms.min_version, tuple(files)), key)
    return hashlib.sha256(sums).hexdigest()


def offer(folder: Path, release: Release, key: Ed25519PrivateKey) -> None:
    """Sign a release and make it what its channel offers. The channel comes last: what it names is there."""
    content = signed_manifest(release, key)
    write(folder / release.version / MANIFEST, content)
    write(folder / f"{release.channel}.json", content)


def renew(folder: Path, version: str, terms: Terms, key: Ed25519PrivateKey, trusted: Mapping[str, bytes]) -> Release:
    """Sign a version that is there again, for longer or for another channel. Raise Stalled if none of the keys signed it."""
    content = (folder / version / MANIFEST).read_bytes()
    keys = [*trusted.values(), public_of(key)]
    before = read_manifest(content, keys, terms.released, may_be_expired=True)
    expires = terms.released + terms.good_for
    after = replace(before, channel=terms.channel, expires=expires, min_version=terms.min_version or before.min_version)
    offer(folder, after, key)
    return after


def write(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.write_bytes(content)
    unfinished.replace(path)
