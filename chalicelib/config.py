"""The one place that reads the environment of a Lambda function."""

import os
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Config:
    """What a deployment decides.

    table_prefix: stands before every table's name. forge_url: base URL of the forge as the control plane reaches it.
    forge_public_url: the same as people and agents reach it. forge_bot: login of the account that commits.
    app_secret: name of the secret with keys and forge credentials. kms_key: the key that seals what tenants entrust to us.
    public_url: base URL of this API as the forge reaches it.
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
    )


def rate_limit_factor() -> int:
    """Return what every rate limit is multiplied by: 1 unless a deployment says otherwise."""
    return int(os.environ.get("RATE_LIMIT_FACTOR", "1"))


def table_prefix() -> str:
    """Return what stands before every table's name; tests and packaging run without one."""
    return os.environ.get("TABLE_PREFIX", "crontopus-")
