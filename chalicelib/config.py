"""The one place that reads the environment of a Lambda function."""

import os
from dataclasses import dataclass
from functools import cache
from typing import Literal

from chalicelib.domain.installers import Offer
from chalicelib.domain.sso import Provider


@dataclass(frozen=True, slots=True)
class Mail:
    """How mails go out.

    backend: SES or an SMTP server. sender: the address they come from. queue_url: where those that are asked for wait.
    smtp_security: tls from the first byte, starttls before anything is said, or none, for a relay on this machine.
    smtp_user: empty for a server that asks for no login.
    """

    backend: Literal["ses", "smtp"]
    sender: str
    queue_url: str
    smtp_host: str
    smtp_port: int
    smtp_security: Literal["tls", "starttls", "none"]
    smtp_user: str


@dataclass(frozen=True, slots=True)
class Config:
    """What a deployment decides.

    table_prefix: stands before every table's name. forge_url: base URL of the forge as the control plane reaches it.
    forge_public_url: the same as people and agents reach it. forge_bot: login of the account that commits.
    app_secret: name of the secret with keys and forge credentials. kms_key: the key that seals what tenants entrust to us.
    public_url: base URL of this API as the forge, and links in mails, reach it. email_verification: whether an address is
    proved before its account can be used. mail: how mails go out.
    """

    stage: str
    table_prefix: str
    region: str
    forge_url: str
    forge_public_url: str
    forge_organization: str
    forge_bot: str
    app_secret: str
    kms_key: str
    public_url: str
    email_verification: Literal["required", "optional"]
    mail: Mail


@cache
def load() -> Config:
    """Return the configuration. Raise KeyError, naming the variable, if one is missing: fail at once, not halfway."""
    forge_url = os.environ["FORGE_URL"].rstrip("/")
    return Config(
        stage=os.environ["STAGE"],
        table_prefix=table_prefix(),
        region=os.environ["AWS_DEFAULT_REGION"] if "AWS_DEFAULT_REGION" in os.environ else os.environ["AWS_REGION"],
        forge_url=forge_url,
        forge_public_url=os.environ.get("FORGE_PUBLIC_URL", forge_url).rstrip("/"),
        forge_organization=os.environ["FORGE_ORGANIZATION"],
        forge_bot=os.environ["FORGE_BOT"],
        app_secret=os.environ["APP_SECRET"],
        kms_key=os.environ["KMS_KEY"],
        public_url=os.environ["PUBLIC_URL"].rstrip("/"),
        email_verification="optional" if os.environ.get("EMAIL_VERIFICATION") == "optional" else "required",
        mail=_mail(),
    )


def _mail() -> Mail:
    security = os.environ.get("SMTP_SECURITY", "starttls")
    return Mail(
        backend="smtp" if os.environ.get("MAIL_BACKEND") == "smtp" else "ses",
        sender=os.environ["MAIL_FROM"],
        queue_url=os.environ["MAIL_QUEUE"],
        smtp_host=os.environ.get("SMTP_HOST", ""),
        smtp_port=int(os.environ.get("SMTP_PORT", "587")),
        smtp_security="tls" if security == "tls" else "none" if security == "none" else "starttls",
        smtp_user=os.environ.get("SMTP_USER", ""),
    )


def sso_providers() -> tuple[Provider, ...]:
    """Return the providers at which people can log in: those that a deployment names a client id for."""
    oidc = ("openid", "email", "profile")
    known = (
        Provider(
            "google",
            "Google",
            "oidc",
            "https://accounts.google.com",
            _text("SSO_GOOGLE_CLIENT_ID"),
            oidc,
            _text("SSO_GOOGLE_HOSTED_DOMAIN"),
        ),
        Provider(
            "github",
            "GitHub",
            "github",
            _text("SSO_GITHUB_URL", "https://github.com").rstrip("/"),
            _text("SSO_GITHUB_CLIENT_ID"),
            ("read:user", "user:email"),
        ),
        Provider(
            "oidc",
            _text("SSO_OIDC_LABEL", "Single sign-on"),
            "oidc",
            _text("SSO_OIDC_ISSUER"),
            _text("SSO_OIDC_CLIENT_ID"),
            tuple(_text("SSO_OIDC_SCOPES", " ".join(oidc)).split()),
        ),
    )
    return tuple(provider for provider in known if provider.client_id and provider.issuer)


def _text(name: str, otherwise: str = "") -> str:
    # A template parameter that was left empty arrives as an empty text.
    return os.environ.get(name) or otherwise


def agent_release() -> Offer:
    """Return what installers install; its texts are empty where a deployment names none."""
    return Offer(
        url=_text("AGENT_RELEASE_URL"),
        version=_text("AGENT_RELEASE_VERSION"),
        sums_sha256=_text("AGENT_RELEASE_SHA256"),
        keys=tuple(_text("AGENT_RELEASE_KEYS").split()),
        minimum_version=_text("AGENT_MINIMUM_VERSION"),
    )


def rate_limit_factor() -> int:
    """Return what every rate limit is multiplied by: 1 unless a deployment says otherwise."""
    return int(os.environ.get("RATE_LIMIT_FACTOR", "1"))


def ping_body_limit() -> int:
    """Return how many bytes of a ping's body are kept; what a run may hold is the most."""
    return min(int(os.environ.get("PING_BODY_LIMIT", "10000")), 64 * 1024)


def trusted_networks() -> tuple[str, ...]:
    """Return the networks whose addresses are never blocked, as CIDRs."""
    return tuple(os.environ.get("TRUSTED_NETWORKS", "").replace(",", " ").split())


def table_prefix() -> str:
    """Return what stands before every table's name; tests and packaging run without one."""
    return os.environ.get("TABLE_PREFIX", "crontopus-")


def metrics_every_s() -> int:
    """Return how often a function tells the table what it has served, in seconds; 0, unless a deployment says so, is never."""
    return int(os.environ.get("METRICS_EVERY_S", "0"))
