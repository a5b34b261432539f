"""The outside doors of one deployment, opened at first use and kept while the function stays warm."""

import secrets
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from chalicelib import config
from chalicelib.domain import names
from chalicelib.forgejo.client import Forgejo
from chalicelib.notify.mail import Mailer
from chalicelib.notify.queue import MailQueue
from chalicelib.notify.ses import SesMailer
from chalicelib.providers.base import IdentityProvider
from chalicelib.services import verification
from chalicelib.services.mails import Office
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


@cache
def mail_queue() -> MailQueue:
    """Return the queue of mails that were asked for."""
    return MailQueue(_client("sqs"), config.load().mail.queue_url)


def mailer() -> Mailer:
    """Return the way out for mails that this deployment has."""
    mail = config.load().mail
    if mail.backend == "ses":
        return SesMailer(_client("sesv2"), mail.sender)
    # 30 ms that only a worker for mails waits for.
    from chalicelib.notify.smtp import Server, SmtpMailer

    password = vault().secret().smtp_password
    return SmtpMailer(Server(mail.smtp_host, mail.smtp_port, mail.smtp_security, mail.smtp_user, password), mail.sender)


def office() -> Office:
    """Return what writing and sending mails needs."""
    settings = config.load()
    repositories = f"{settings.forge_public_url}/{settings.forge_organization}/"
    return Office(
        mailer=mailer(),
        public_url=settings.public_url,
        repository_url=lambda tenant_id: f"{repositories}{names.repository_name(tenant_id)}.git",
        issue=lambda tenant, purpose, email, now: verification.issue(tenant, purpose, email, secrets.token_bytes, now),
    )


@cache
def identity_providers() -> Mapping[str, IdentityProvider]:
    """Return the providers at which people can log in, by name, in the order of the login page."""
    from chalicelib.providers.github import GitHubClient
    from chalicelib.providers.oidc import OidcClient
    from chalicelib.providers.transport import Transport

    clients: list[IdentityProvider] = [
        OidcClient(provider, Transport()) if provider.kind == "oidc" else GitHubClient(provider, Transport())
        for provider in config.sso_providers()
    ]
    return {client.provider.name: client for client in clients}


def probes() -> dict[str, Callable[[], object]]:
    """Return one cheap question for each thing behind us, by its name."""
    return {
        "database": lambda: tenants.find("nobody.has.this.name"),
        "secrets": lambda: vault().secret(),
        "forge": lambda: forge().version(),
    }
