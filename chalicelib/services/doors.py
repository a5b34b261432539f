"""The outside doors of one deployment, opened at first use and kept while the function stays warm."""

from collections.abc import Callable
from functools import cache
from typing import Any

from chalicelib import config
from chalicelib.forgejo.client import Forgejo
from chalicelib.store import tenants
from chalicelib.vault import Vault, aws_client


@cache
def _client(service: str) -> Any:
    return aws_client(service, config.load().region)


@cache
def vault() -> Vault:
    """Return the door to secrets."""
    settings = config.load()
    return Vault(settings.app_secret, settings.kms_key, _client)


def forge() -> Forgejo:
    """Return the forge as the bot that commits; its token is read anew when the secret has been rotated."""
    return _forge(vault().secret().forge_token)


def forge_provisioning() -> Forgejo:
    """Return the forge as the site admin that makes users, repositories and tokens."""
    secret = vault().secret()
    return _provisioning(secret.forge_token, secret.forge_admin)


@cache
def _forge(token: str) -> Forgejo:
    return Forgejo(config.load().forge_url, token, on_refusal=vault().forget)


@cache
def _provisioning(token: str, admin: tuple[str, str]) -> Forgejo:
    return Forgejo(config.load().forge_url, token, basic=admin, on_refusal=vault().forget)


def probes() -> dict[str, Callable[[], object]]:
    """Return one cheap question for each thing behind us, by its name."""
    return {
        "database": lambda: tenants.find("nobody.has.this.name"),
        "secrets": lambda: vault().secret(),
        "forge": lambda: forge().version(),
    }
