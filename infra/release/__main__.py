"""`python -m infra.release`: make, sign and check releases of the agent. See docs/releases.md."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.build import Build
from agent.installed import here
from agent.machine import VERSION
from chalicelib.domain.errors import CrontopusError
from chalicelib.domain.releases import CHANNELS, Channel, key_id, read_key, read_manifest
from infra.release import archive, native
from infra.release import deb as debian
from infra.release.deb import NoDeb
from infra.release.native import NoNative
from infra.release.publish import MANIFEST, SUMS, Artefact, Terms, publish, renew
from infra.release.signing import Unsigned, new_key, public_of, public_text, read_private

DIST = archive.CHECKOUT / "dist"
SIGNING_KEY = "CRONTOPUS_RELEASE_KEY"

_folder = click.option("--folder", type=click.Path(path_type=Path), default=DIST, show_default=True, help="Where releases lie.")
_signing = click.option(
    "--signing-key",
    type=click.Path(path_type=Path, exists=True),
    help=f"File of the private key; without it {SIGNING_KEY} holds the key itself.",
)
_trusted = click.option("--key", "keys", multiple=True, help="A public key that agents trust, base64; give the next one too.")
_channel = click.option("--channel", type=click.Choice(CHANNELS), default="stable", show_default=True)
_days = click.option("--good-for-days", type=click.IntRange(1, 730), default=90, show_default=True)
_oldest = click.option("--min-version", help="Agents older than this take a version in between first.")


@click.group()
def main() -> None:
    """Make, sign and check releases of the agent."""


@main.command()
@click.argument("path", type=click.Path(path_type=Path))
def keygen(path: Path) -> None:
    """Make a key to sign with, write it to PATH and print its public half."""
    public = public_of(new_key(path))
    click.echo(f"public key {public_text(public)} (id {key_id(public)})")
    click.echo(f"{path} is the only copy of the private key: keep it off the network", err=True)


@main.command()
@_folder
@_signing
@_trusted
@_channel
@_days
@_oldest
@click.option(
    "--native-python",
    type=click.Path(path_type=Path, exists=True),
    help="Also build for machines without Python, with this one.",
)
@click.option("--deb", is_flag=True, help="Also build the Debian package.")
def build(
    folder: Path,
    signing_key: Path | None,
    keys: tuple[str, ...],
    channel: Channel,
    good_for_days: int,
    min_version: str | None,
    native_python: Path | None,
    deb: bool,
) -> None:
    """Build and sign the version that this checkout is."""
    key = _private(signing_key)
    trusted = _trusted_keys(keys, key)
    made = Build(_commit(), trusted)
    artefacts = [Artefact("any", "pyz", f"crontopus-agent-{VERSION}.pyz", archive.build(made))]
    if native_python:
        content = native.build(artefacts[0].content, Path(certifi.where()).read_bytes(), native_python)
        artefacts.append(Artefact(here(), "native", f"crontopus-agent-{VERSION}-{here()}.tar.gz", content))
    if deb:
        name = f"crontopus-agent_{debian.version_of(VERSION)}_all.deb"
        artefacts.append(Artefact("any", "deb", name, debian.build(artefacts[0].content, VERSION)))
    terms = Terms(channel, datetime.now(UTC), timedelta(days=good_for_days), min_version)
    pin = publish(folder, VERSION, artefacts, terms, key)
    for artefact in artefacts:
        click.echo(f"{folder / VERSION / artefact.name} {len(artefact.content) / 1_000_000:.1f} MB {artefact.file.sha256}")
    click.echo(f"AgentReleaseVersion {VERSION}\nAgentReleaseSha256 {pin}")
    click.echo(f"AgentReleaseKeys {' '.join(public_text(one) for one in trusted)}")


@main.command()
@click.argument("version", default=VERSION)
@_folder
@_signing
@_trusted
@_channel
@_days
@_oldest
def sign(
    version: str,
    folder: Path,
    signing_key: Path | None,
    keys: tuple[str, ...],
    channel: Channel,
    good_for_days: int,
    min_version: str | None,
) -> None:
    """Sign a version that is there again: before its manifest expires, or to promote it to another channel."""
    terms = Terms(channel, datetime.now(UTC), timedelta(days=good_for_days), min_version)
    release = renew(folder, version, terms, _private(signing_key), {text: read_key(text) for text in keys})
    click.echo(f"{release.version} is what {channel} offers until {release.expires:%Y-%m-%d}")


@main.command()
@_folder
@_trusted
@_channel
def verify(folder: Path, keys: tuple[str, ...], channel: Channel) -> None:
    """Check what a channel offers as an agent would: signature, date, size and SHA-256 of every file."""
    release = read_manifest((folder / f"{channel}.json").read_bytes(), [read_key(text) for text in keys], datetime.now(UTC))
    for file in release.files:
        content = (folder / release.version / file.name).read_bytes()
        if Artefact(file.platform, file.kind, file.name, content).file != file:
            raise click.ClickException(f"{file.name} is not the file that was signed")
    for name in (SUMS, f"{SUMS}.sig", MANIFEST):
        if not (folder / release.version / name).is_file():
            raise click.ClickException(f"{name} is missing")
    click.echo(f"{channel} is {release.version}, {len(release.files)} files, until {release.expires:%Y-%m-%d}")


def _private(path: Path | None) -> Ed25519PrivateKey:
    pem = path.read_bytes() if path else os.environ.get(SIGNING_KEY, "").encode()
    if not pem:
        raise click.UsageError(f"no key to sign with: --signing-key FILE, or {SIGNING_KEY} in the environment")
    return read_private(pem)


def _trusted_keys(keys: tuple[str, ...], key: Ed25519PrivateKey) -> tuple[bytes, ...]:
    trusted = tuple(read_key(text) for text in keys)
    if public_of(key) not in trusted:
        raise click.UsageError("the signing key's public half is not among --key: such agents could never be updated")
    return trusted


def _commit() -> str | None:
    """Return the commit of the checkout, None without git or with changes that nobody committed."""
    git = ["git", "-C", str(archive.CHECKOUT)]
    try:
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, check=True, timeout=60).stdout
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return None if changed else head.strip()


if __name__ == "__main__":
    try:
        main.main(prog_name="python -m infra.release", standalone_mode=False)
    except click.ClickException as e:
        e.show()
        sys.exit(e.exit_code)
    except (CrontopusError, Unsigned, NoNative, NoDeb, ValueError, OSError) as e:
        click.echo(f"error: {e}", err=True)
        sys.exit(1)
