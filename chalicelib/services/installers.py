"""Installer scripts, made for this deployment. They hold no secret: enrolling asks for a token when they run."""

from pathlib import Path

from chalicelib import config, templating
from chalicelib.domain import ed25519, installers
from chalicelib.domain.errors import NotFound
from chalicelib.domain.installers import INSTALLERS, Installer, Offer


def installer_of(platform: str) -> Installer:
    """Return the installer of a platform. Raise NotFound, naming those there are."""
    found = INSTALLERS.get(platform)
    if found is None:
        raise NotFound(f"no installer for {platform!r}; there are {', '.join(INSTALLERS)}")
    return found


def script(installer: Installer) -> str:
    """Return the script. Raise NotFound if this deployment names no release to install."""
    offer = offered()
    values = {
        "API_URL": config.load().public_url,
        "RELEASE_URL": offer.folder,
        "SUMS_SHA256": offer.sums_sha256,
        "RELEASE_KEYS": " ".join(offer.keys),
    }
    return installers.fill(installer, template(installer), values)


def template(installer: Installer) -> str:
    """Return the script with @NAME@ for what differs, and the text of what checks signatures already in it."""
    verifier = Path(ed25519.__file__).with_suffix(".py").read_text(encoding="utf-8").rstrip()
    return templating.text_of(f"installers/{installer.template}").replace("@VERIFIER@", verifier)


def offered() -> Offer:
    """Return the release that this deployment installs. Raise NotFound if it names none."""
    offer = config.agent_release()
    if offer.problem:
        message = f"this deployment offers no agent to install: its release {offer.problem}"
        raise NotFound(f"{message}; the operator sets AgentReleaseUrl and its like", code="no_agent_release")
    return offer
