"""Installer scripts, made for this deployment. They hold no secret: enrolling asks for a token when they run."""

from chalicelib import config, templating
from chalicelib.domain import installers
from chalicelib.domain.errors import NotFound
from chalicelib.domain.installers import INSTALLERS, Installer


def installer_of(platform: str) -> Installer:
    """Return the installer of a platform. Raise NotFound, naming those there are."""
    found = INSTALLERS.get(platform)
    if found is None:
        raise NotFound(f"no installer for {platform!r}; there are {', '.join(INSTALLERS)}")
    return found


def script(installer: Installer) -> str:
    """Return the script. Raise NotFound if this deployment names no package to install."""
    package = config.agent_package()
    if package.problem:
        message = f"this deployment offers no agent to install: its package {package.problem}"
        raise NotFound(f"{message}; the operator sets AgentPackageUrl and AgentPackageSha256", code="no_agent_package")
    values = {"API_URL": config.load().public_url, "PACKAGE_URL": package.url, "PACKAGE_SHA256": package.sha256}
    return installers.fill(installer, templating.text_of(f"installers/{installer.template}"), values)
