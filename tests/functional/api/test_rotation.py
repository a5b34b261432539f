"""Secrets that are rotated while functions are warm."""

import base64
import json

from chalicelib.forgejo.client import Forgejo
from chalicelib.services import doors
from tests.functional.api import forge as forges
from tests.tables import aws

BOT = "crontopus-api"


def test_a_rotated_forge_token_is_used_from_the_second_request_on(ada, forge):
    admin = Forgejo(forge.url, "", basic=(forges.ADMIN, forges.ADMIN_PASSWORD))
    put_secret(admin.create_token(BOT, "before", ("write:repository",)))
    doors.vault().forget()
    statuses = [ada.get("/api/jobs").status]

    put_secret(admin.create_token(BOT, "after", ("write:repository",)))
    admin.delete_token(BOT, "before")
    statuses += [ada.get("/api/jobs").status for _ in range(2)]

    assert statuses == [200, 503, 200]


def put_secret(forge_token: str) -> None:
    secret = {
        "jwt_keys": {"test": base64.b64encode(bytes(32)).decode()},
        "forge_token": forge_token,
        "forge_admin": f"{forges.ADMIN}:{forges.ADMIN_PASSWORD}",
    }
    aws("secretsmanager").put_secret_value(SecretId="crontopus/test/app", SecretString=json.dumps(secret))
