"""Taking a release: believe it, fetch it, try it, switch to it. A kill between any two steps leaves an agent that works."""

import shutil
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import requests

from agent import download, proc, tls, trial
from agent.client import Api
from agent.home import locked, sync_folder
from agent.installed import ARCHIVE, OWN_PYTHON, Installation, here
from agent.trial import Trial
from agent.trust import Trust
from chalicelib.domain.errors import NotFound, Stalled
from chalicelib.domain.releases import File, Release, order, read_manifest

_TRY_S = 60


@dataclass(frozen=True, slots=True)
class Source:
    """Where releases come from. url: of the folder they lie in. keys: whose signature is believed. ca_file: see Trust."""

    url: str
    keys: Sequence[bytes]
    ca_file: str | None = None

    def session(self) -> requests.Session:
        """Return what fetches. Pins are the control plane's, and releases may lie elsewhere: their signature counts."""
        return tls.session(Trust(self.ca_file))

    def offered(self, channel: str, now: datetime, version: str | None = None) -> Release:
        """Return what a channel offers, or one version. Raise Stalled or Unavailable if there is none to be believed."""
        name = f"{version}/manifest.json" if version else f"{channel}.json"
        release = read_manifest(download.fetch(f"{self.url}/{name}", self.session()), self.keys, now)
        if (version and release.version != version) or (not version and release.channel != channel):
            raise Stalled(f"{self.url}/{name} is the manifest of {release.version}, {release.channel}", code="update_untrusted")
        return release


def source(api: Api, keys: Sequence[bytes], ca_file: str | None = None) -> Source:
    """Return where the control plane says that releases lie. Raise Stalled if it says nowhere."""
    try:
        return Source(str(api.release()["url"]).rstrip("/"), keys, ca_file)
    except (KeyError, NotFound) as e:
        raise Stalled(f"{api.url} does not say where releases lie; its operator has to", code="update_missing") from e


def refuse(release: Release, installed: str, *, allow_downgrade: bool = False) -> None:
    """Raise Stalled if an agent of the version `installed` must not take this release."""
    if order(release.version) < order(installed) and not allow_downgrade:
        raise Stalled(f"{release.version} is older than {installed}, which is installed", code="update_older")
    if release.min_version and order(installed) < order(release.min_version):
        raise Stalled(
            f"{release.version} cannot follow {installed} directly; take {release.min_version} first", code="update_too_far"
        )


def install(place: Installation, release: Release, source: Source, installed: str, environ: Mapping[str, str]) -> Trial:
    """Fetch a release, try it and switch to it. The next start of the agent runs it, on trial.

    Raise Stalled or Unavailable if it cannot be had, is not what was signed, or does not run here; then nothing has changed.
    """
    file = release.find("native" if place.is_native else "pyz", here())
    if file is None:
        raise Stalled(f"{release.version} has no build for {here()}", code="update_missing")
    with locked(place.lock, wait_s=0):
        if not _is_there(place, file):
            _stage(place, file, source, release.version, environ)
        begun = Trial(file.sha256, place.folder, release.version, installed)
        trial.begin(place, begun)
    return begun


def _is_there(place: Installation, file: File) -> bool:
    # It was complete before it got its name.
    return (place.versions / file.sha256 / ARCHIVE).exists()


def _stage(place: Installation, file: File, source: Source, version: str, environ: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory(dir=place.versions, prefix=".new.") as name:
        scratch = Path(name)
        folder = scratch / "version"
        folder.mkdir(mode=0o755)
        packed = scratch / file.name
        download.save(f"{source.url}/{version}/{file.name}", packed, file, source.session())
        if file.kind == "native":
            _unpack(packed, folder)
        else:
            packed.replace(folder / ARCHIVE)
        _try(folder, version, environ)
        sync_folder(folder)
        folder.replace(place.versions / file.sha256)
        sync_folder(place.versions)


def _unpack(packed: Path, folder: Path) -> None:
    try:
        with tarfile.open(packed) as archive:
            archive.extractall(folder)  # noqa: S202 - signed by us
    except (tarfile.TarError, OSError) as e:
        shutil.rmtree(folder, ignore_errors=True)
        raise Stalled(f"{packed.name} cannot be unpacked: {e}", code="update_damaged") from e


def _try(folder: Path, version: str, environ: Mapping[str, str]) -> None:
    own = folder / OWN_PYTHON
    command = [str(own if own.exists() else sys.executable), "-I", str(folder / ARCHIVE), "version"]
    done = proc.run(command, environ=environ, timeout_s=_TRY_S)
    told = done.output.decode(errors="replace").strip()
    # Behind a + it says which build it is.
    if done.code != 0 or told.partition("+")[0] != version:
        said = (done.errors.decode(errors="replace").strip().splitlines() or [f"it says {told!r}"])[-1]
        raise Stalled(f"{version} does not run on this machine: {said[:200]}", code="update_broken")
