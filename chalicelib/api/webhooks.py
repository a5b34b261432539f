"""The route that the forge calls after a push."""

import json
import secrets

from chalicelib import config
from chalicelib.api.blueprint import ApiBlueprint, Ask, Model
from chalicelib.domain import names, webhooks
from chalicelib.domain.errors import Unauthenticated
from chalicelib.services import doors, tending
from chalicelib.services.repository import Repository

bp = ApiBlueprint(__name__)


class Received(Model):
    """ids_given: jobs that had no id before. problems: what is wrong in the repository now."""

    ids_given: int
    problems: list[str]


@bp.api("POST", "/api/webhooks/forge", auth="webhook", limit=None, returns=Received)
def receive(ask: Ask) -> Received:
    """Look through a tenant's repository, because the forge says that somebody pushed."""
    body = ask.request.raw_body or b""
    tenant_id = _tenant(body)
    keys = doors.vault().secret().jwt_keys.values()
    signature = ask.request.headers.get("x-forgejo-signature", "")
    if not webhooks.is_signed(body, signature, (webhooks.secret_of(key, tenant_id) for key in keys)):
        raise Unauthenticated("this event is not signed by the tenant's webhook")
    if json.loads(body).get("ref") != webhooks.BRANCH_REF:
        return Received(ids_given=0, problems=[])
    repository = Repository(doors.forge(), config.load().forge_organization, tenant_id)
    tended = tending.tend(repository, secrets.token_bytes, ask.request_id)
    return Received(ids_given=tended.given, problems=list(tended.problems))


def _tenant(body: bytes) -> str:
    """Return whose repository an event names; what it says is believed only once the signature has been checked."""
    unknown = Unauthenticated("this event names no tenant's repository")
    try:
        owner, _, name = json.loads(body)["repository"]["full_name"].partition("/")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise unknown from e
    prefix = names.repository_name("")
    if owner != config.load().forge_organization or not name.startswith(prefix):
        raise unknown
    return str(name.removeprefix(prefix))
