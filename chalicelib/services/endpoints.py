"""Endpoints: what they say, how they stand, and how they end."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib import config
from chalicelib.domain import endpoints as rules
from chalicelib.domain.endpoints import Endpoint, EndpointState, Heartbeat
from chalicelib.domain.errors import Conflict, Forbidden, NotFound
from chalicelib.domain.releases import is_outdated
from chalicelib.forgejo.client import Forgejo
from chalicelib.services import removals, watching
from chalicelib.services.sessions import Caller
from chalicelib.store import endpoints as endpoint_store
from chalicelib.store import heartbeats as heartbeat_store
from chalicelib.store import tenants as tenant_store
from chalicelib.store import tokens as token_store
from chalicelib.store import tombstones


@dataclass(frozen=True, slots=True)
class EndpointFilter:
    """Which endpoints to list. name: part of it, in any case; the others are exact. None takes all."""

    state: EndpointState | None = None
    platform: str | None = None
    name: str | None = None

    def takes(self, endpoint: Endpoint, now: datetime) -> bool:
        facts = endpoint.facts
        return (
            (self.state is None or rules.state(endpoint, now) == self.state)
            and (self.platform is None or facts.platform == self.platform)
            and (self.name is None or self.name.lower() in facts.name.lower())
        )


def list_endpoints(caller: Caller, wanted: EndpointFilter, now: datetime) -> list[Endpoint]:
    """Return the tenant's endpoints, the one heard of last first."""
    found = [endpoint for endpoint in endpoint_store.list_of_tenant(caller.tenant_id) if wanted.takes(endpoint, now)]
    return sorted(found, key=lambda endpoint: endpoint.last_heartbeat_at or endpoint.enrolled_at, reverse=True)


def load(caller: Caller, endpoint_id: str) -> Endpoint:
    """Return one endpoint of the tenant. Raise NotFound."""
    found = endpoint_store.find(caller.tenant_id, endpoint_id)
    if found is None:
        raise NotFound(f"no endpoint {endpoint_id!r}")
    return found


def amend(caller: Caller, endpoint_id: str, name: str | None, labels: Mapping[str, str] | None) -> Endpoint:
    """Give an endpoint another name, or other labels in place of all it has; None keeps them. Raise NotFound."""
    return endpoint_store.amend(caller.tenant_id, endpoint_id, name, labels)


def revoke(admin: Forgejo, caller: Caller, endpoint_id: str, now: datetime) -> Endpoint:
    """Shut an endpoint out of the API and the repository and return it; its jobs go on where they are.

    The forge comes first: while it is down nothing changes. Whatever fails, repeating goes on with what is not done.
    Raise NotFound, Unavailable, or Conflict if the machine enrolled again at the same moment.
    """
    endpoint = load(caller, endpoint_id)
    return endpoint if endpoint.is_revoked else end(admin, endpoint, now)


def end(admin: Forgejo, endpoint: Endpoint, now: datetime, *, is_transferred: bool = False) -> Endpoint:
    """Take all tokens of an endpoint out of force, mark it as revoked and return it. Raise as `revoke` does."""
    tenant = tenant_store.find(endpoint.tenant_id)
    assert tenant is not None  # noqa: S101 - nothing deletes a tenant
    admin.delete_token(tenant.forge_login, endpoint.git_token_name)
    for digest in endpoint.token_digests:
        tombstones.put(digest, "revoked", now)
        token_store.delete(digest)
    return endpoint_store.mark_revoked(endpoint, is_transferred=is_transferred)


def delete(admin: Forgejo, caller: Caller, endpoint_id: str, now: datetime) -> None:
    """Revoke an endpoint and forget it; its runs stay, and stay counted. Raise as `revoke` does."""
    endpoint = revoke(admin, caller, endpoint_id, now)
    removals.remove_all(caller.tenant_id, endpoint_id)
    for digest in endpoint.token_digests:
        tombstones.put(digest, "gone", now)
    endpoint_store.delete_revoked(endpoint)


def beat(caller: Caller, endpoint_id: str, heartbeat: Heartbeat, now: datetime) -> Endpoint:
    """Write a heartbeat down and return the endpoint.

    Raise Forbidden if the token is another endpoint's, Unauthenticated if this one was revoked, Gone if it was deleted,
    Conflict if another machine of the same identity was there before.
    """
    refuse_other(caller, endpoint_id)
    if too_old := _too_old(heartbeat.version):
        heartbeat = replace(heartbeat, problems=(too_old, *heartbeat.problems))
    endpoint = heartbeat_store.record(caller.tenant_id, endpoint_id, heartbeat, now, caller.address)
    watching.heard(endpoint, now)
    return endpoint


def minimum_version() -> str | None:
    """Return the oldest version of the agent that this deployment lets in, None if it lets in any."""
    return config.agent_release().minimum_version or None


def refuse_too_old(version: str) -> None:
    """Raise Conflict if an agent of this version must not be let in any more."""
    if too_old := _too_old(version):
        raise Conflict(f"{too_old}: install a newer one", code="agent_outdated")


def _too_old(version: str) -> str | None:
    """Return why an agent is too old, in words. One that is let in already is never refused: its results have to come."""
    minimum = minimum_version()
    if minimum is None or not is_outdated(version, minimum):
        return None
    return f"agent_outdated: version {version} is older than {minimum}, the oldest that may enrol here"


def refuse_other(caller: Caller, endpoint_id: str) -> None:
    """Raise Forbidden unless the caller is this very endpoint."""
    if caller.name != endpoint_id:
        raise Forbidden(f"this token belongs to another endpoint than {endpoint_id!r}")
