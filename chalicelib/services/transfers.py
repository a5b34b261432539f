"""Machines that go over to another tenant.

Enrolling there makes a new endpoint. The former one is touched only if its tenant let the machine go, or the machine shows that
it is that endpoint, with the token it has from there.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from chalicelib.domain import tokens
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import Conflict, CrontopusError, Unavailable
from chalicelib.forgejo.client import Forgejo
from chalicelib.logs import log
from chalicelib.services import endpoints
from chalicelib.services.sessions import Caller
from chalicelib.store import endpoint_tokens, releases
from chalicelib.store import endpoints as endpoint_store
from chalicelib.store import tokens as token_store

RELEASED_FOR = timedelta(days=7)


def release(caller: Caller, endpoint_id: str, now: datetime) -> Endpoint:
    """Let another tenant take this endpoint's machine over within a week, and return it; until then nothing changes.

    Raise NotFound, or Conflict if the endpoint is revoked: then there is nothing left to let go.
    """
    endpoint = endpoints.load(caller, endpoint_id)
    if endpoint.is_revoked:
        raise Conflict(f"endpoint {endpoint_id} is revoked; its machine may enroll anywhere")
    until = now + RELEASED_FOR
    releases.add(endpoint.facts.machine_id, endpoint.tenant_id, endpoint_id, until)
    return endpoint_tokens.release(endpoint, until)


def settle(admin: Forgejo, tenant_id: str, machine_id: str, previous_token: str | None, now: datetime) -> None:
    """End what this machine, just enrolled in this tenant, was elsewhere, as far as it may.

    The new endpoint stands already: what fails here leaves the former one as it is, for its owner to revoke.
    """
    for former in {found.endpoint_id: found for found in _left(tenant_id, machine_id, previous_token, now)}.values():
        try:
            endpoints.end(admin, former, now, is_transferred=True)
        except (Unavailable, Conflict) as e:
            _log("the former endpoint could not be ended", former, e)
        else:
            _log("endpoint transferred", former)


def _left(tenant_id: str, machine_id: str, previous_token: str | None, now: datetime) -> Iterator[Endpoint]:
    proved = _endpoint_of(previous_token, now) if previous_token else None
    if proved and _is_elsewhere(proved, tenant_id, machine_id):
        yield proved
    for former_tenant_id, endpoint_id in releases.list_of_machine(machine_id):
        former = endpoint_store.find(former_tenant_id, endpoint_id)
        is_released = former and former.released_until and now < former.released_until
        if former and is_released and _is_elsewhere(former, tenant_id, machine_id):
            yield former


def _endpoint_of(token: str, now: datetime) -> Endpoint | None:
    credential = token_store.find(tokens.digest(token)) if tokens.kind_of(token) == "endpoint" else None
    if credential is None or credential.kind != "endpoint" or not credential.is_in_force(now):
        return None
    return endpoint_store.find(credential.tenant_id, credential.owner)


def _is_elsewhere(former: Endpoint, tenant_id: str, machine_id: str) -> bool:
    # A copied token must not end an endpoint from another machine.
    is_same_machine = former.facts.machine_id == machine_id
    return is_same_machine and former.tenant_id != tenant_id and not former.is_revoked


def _log(event: str, former: Endpoint, error: CrontopusError | None = None) -> None:
    facts = {"tenant_id": former.tenant_id, "endpoint_id": former.endpoint_id}
    log.info(event, extra=facts | ({"why": error.message} if error else {}))
