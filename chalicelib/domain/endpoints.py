"""Endpoints: machines that run an agent."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

EndpointState = Literal["active", "inactive", "offline", "revoked"]

# Three heartbeats of 30 seconds may get lost before a machine counts as offline.
HEARTBEAT_GRACE = timedelta(seconds=120)


@dataclass(frozen=True, slots=True)
class Facts:
    """What an agent says about its machine. machine_id: SHA-256, hex, of the machine's own id and the user the agent is."""

    name: str
    hostname: str
    platform: str
    version: str
    machine_id: str
    timezone: str | None
    scheduler: str | None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What an agent says every half minute. clock_at: its own clock. commit: the one it has applied, None before the first.

    instances_digest: of what it would report about its jobs, None as long as it does not know.
    """

    version: str
    commit: str | None
    spool_depth: int
    oldest_unsent_at: datetime | None
    clock_at: datetime
    timezone: str | None
    scheduler: str | None
    problems: tuple[str, ...]
    instances_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """labels: what people note about the machine; an agent neither knows nor changes them.

    previous_token_digest: of the token before a rotation, which may still be in force. released_until: until then another
    tenant may take the machine over. is_transferred: one did, which is why this endpoint is revoked. instances_digest: of the
    last report about its jobs.
    """

    tenant_id: str
    endpoint_id: str
    facts: Facts
    enrolled_at: datetime
    last_heartbeat_at: datetime | None
    commit: str | None
    spool_depth: int
    problems: tuple[str, ...]
    token_digest: str
    git_token_name: str
    is_revoked: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    previous_token_digest: str | None = None
    released_until: datetime | None = None
    is_transferred: bool = False
    instances_digest: str | None = None

    @property
    def token_digests(self) -> tuple[str, ...]:
        """The digests of every token that may speak for this endpoint."""
        return (self.token_digest, self.previous_token_digest) if self.previous_token_digest else (self.token_digest,)


def endpoint_id(tenant_id: str, machine_id: str) -> str:
    """Return the id of this machine in this tenant.

    It is derived, so that enrolling a machine again, even twice at once, can never make a second endpoint, and the same
    machine in another tenant is another endpoint.
    """
    return "ep-" + hashlib.sha256(f"{tenant_id}\0{machine_id}".encode()).hexdigest()[:24]


def state(endpoint: Endpoint, now: datetime) -> EndpointState:
    """Return the state an endpoint is in: inactive means enrolled and never seen."""
    if endpoint.is_revoked:
        return "revoked"
    if endpoint.last_heartbeat_at is None:
        return "inactive"
    return "active" if now - endpoint.last_heartbeat_at <= HEARTBEAT_GRACE else "offline"
