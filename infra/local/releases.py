"""This checkout's agent as a release of the local stack, signed with a key of the stack's own."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.build import Build
from agent.machine import VERSION
from infra.local import shelf
from infra.local.kept_secrets import KeptSecrets
from infra.release import archive
from infra.release.publish import Artefact, Terms, publish
from infra.release.signing import public_of, public_text, read_private

_GOOD_FOR = timedelta(days=365)


def publish_own(folder: Path, secrets: KeptSecrets, url: str) -> Mapping[str, str]:
    """Build and publish the agent, and return the parameters by which the deployment offers it. url: of the front door."""
    key = signing_key(secrets)
    pin = put(folder, VERSION, archive.build(Build(None, (public_of(key),))), key)
    return {
        "AgentReleaseUrl": url + shelf.PREFIX.rstrip("/"),
        "AgentReleaseVersion": VERSION,
        "AgentReleaseSha256": pin,
        "AgentReleaseKeys": public_text(public_of(key)),
    }


def put(folder: Path, version: str, content: bytes, key: Ed25519PrivateKey) -> str:
    """Make an archive what the stack's channel offers, and return what pins it."""
    artefact = Artefact("any", "pyz", f"crontopus-agent-{version}.pyz", content)
    return publish(folder, version, [artefact], Terms("stable", datetime.now(UTC), _GOOD_FOR), key)


def signing_key(secrets: KeptSecrets) -> Ed25519PrivateKey:
    return read_private(secrets.text("release-key.pem", _make_key).encode())


def _make_key() -> str:
    made = Ed25519PrivateKey.generate()
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
