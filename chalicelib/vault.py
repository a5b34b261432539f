"""The door to secrets: one application secret in Secrets Manager, and the KMS key that seals what tenants entrust to us."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import botocore.session
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Unavailable

SECRET_MAX_AGE_S = 300
_TIMEOUTS = ClientConfig(connect_timeout=2, read_timeout=5, retries={"max_attempts": 2})


@dataclass(frozen=True, slots=True)
class AppSecret:
    """What the whole application knows and nobody else.

    jwt_keys: key id -> at least 32 bytes; the last one signs, all of them verify. forge_token: the bot's, which commits.
    forge_admin: login and password that make users and tokens on the forge. smtp_password: empty where mails do not need one.
    sso: name of a login provider -> our client secret there.
    """

    jwt_keys: Mapping[str, bytes]
    forge_token: str
    forge_admin: tuple[str, str]
    smtp_password: str = ""
    sso: Mapping[str, str] = field(default_factory=dict)


def aws_client(service: str, region: str) -> Any:
    """Return a client of one AWS service with our timeouts."""
    return botocore.session.get_session().create_client(service, region_name=region, config=_TIMEOUTS)


class Vault:
    """Reads the application secret, at most every five minutes, and seals tenants' secrets.

    client: makes the client of an AWS service by its name.
    """

    def __init__(
        self, secret_name: str, kms_key: str, client: Callable[[str], Any], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._secret_name = secret_name
        self._kms_key = kms_key
        self._client = client
        self._clock = clock
        self._secret: AppSecret | None = None
        self._read_at = 0.0

    def secret(self) -> AppSecret:
        """Return the application secret. Raise Unavailable if it cannot be read and none is remembered."""
        if self._secret is None or self._clock() - self._read_at > SECRET_MAX_AGE_S:
            self._secret = self._read_secret()
            self._read_at = self._clock()
        return self._secret

    def forget(self) -> None:
        """Read the secret anew next time: somebody has refused what it held, so it may have been rotated."""
        self._secret = None

    def _read_secret(self) -> AppSecret:
        answer = self._call("secretsmanager", "get_secret_value", SecretId=self._secret_name)
        raw = json.loads(answer["SecretString"])
        login, _, password = raw["forge_admin"].partition(":")
        keys = {kid: base64.b64decode(key) for kid, key in raw["jwt_keys"].items()}
        return AppSecret(
            jwt_keys=keys,
            forge_token=raw["forge_token"],
            forge_admin=(login, password),
            smtp_password=raw.get("smtp_password", ""),
            sso=raw.get("sso", {}),
        )

    def seal(self, tenant_id: str, plain: str) -> bytes:
        """Return `plain` encrypted so that only this tenant's name opens it again. plain: at most 4 KiB."""
        return self.seal_bytes(tenant_id, plain.encode())

    def unseal(self, tenant_id: str, sealed: bytes) -> str:
        """Return what was sealed for this tenant. Raise Unavailable if KMS refuses, as it does for another tenant's."""
        return self.unseal_bytes(tenant_id, sealed).decode()

    def seal_bytes(self, tenant_id: str, plain: bytes) -> bytes:
        """Do what `seal` does."""
        context = {"tenant_id": tenant_id}
        answer = self._call("kms", "encrypt", KeyId=self._kms_key, Plaintext=plain, EncryptionContext=context)
        return bytes(answer["CiphertextBlob"])

    def unseal_bytes(self, tenant_id: str, sealed: bytes) -> bytes:
        """Do what `unseal` does."""
        context = {"tenant_id": tenant_id}
        answer = self._call("kms", "decrypt", KeyId=self._kms_key, CiphertextBlob=sealed, EncryptionContext=context)
        return bytes(answer["Plaintext"])

    def _call(self, service: str, operation: str, **arguments: object) -> Any:
        try:
            return getattr(self._client(service), operation)(**arguments)
        except (BotoCoreError, ClientError) as e:
            raise Unavailable(f"{service} did not answer; try again", code="secrets_unavailable") from e
