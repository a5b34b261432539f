"""Endpoints: machines that run an agent."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from chalicelib.domain.clones import Process, Seat

EndpointState = Literal["active", "inactive", "offline", "revoked"]

# Three heartbeats of 30 seconds may get lost before a machine counts as offline.
HEARTBEAT_GRACE = timedelta(seconds=120)
MAX_SKEW = timedelta(minutes=5)
# So many of the jobs held back are named; a heartbeat that tells of them stays below two write units.
MAX_HELD_NAMED = 20


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
class Held:
    """Removals that an agent holds back until somebody approves them.

    code: why, see docs/agent.md. head: the commit that leaves these jobs out. job_ids: the first of them; count: how many
    there are. digest: of the ids of all, see `ids_digest`.
    """

    code: str
    head: str
    count: int
    digest: str
    job_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Approval:
    """What somebody has approved: the removal of just these jobs, by just this commit. digest: as in Held."""

    head: str
    digest: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What an agent says every half minute. clock_at: its own clock. commit: the one it has applied, None before the first.

    instances_digest: of what it would report about its jobs, None as long as it does not know. results_lost: how many results
    or outputs the machine could write nowhere, since it was set up. process: None from agents that do not say.
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
    held: Held | None = None
    results_lost: int = 0
    process: Process | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """labels: what people note about the machine; an agent neither knows nor changes them.

    held: what its agent holds back; approved: what somebody has approved of that, maybe of an earlier state. suspended_since:
    since when its agent is to write nothing; suspended_until: until when, None without an end.
    previous_token_digest: of the token before a rotation, which may still be in force. released_until: until then another
    tenant may take the machine over. is_transferred: one did, which is why this endpoint is revoked. instances_digest: of the
    last report about its jobs. oldest_unsent_at: when the oldest run began that it has not delivered, None if there is none.
    clock_at: by its own clock, when it spoke last. seat: which process of an agent speaks for it.
    is_watched: somebody will look soon whether it is still there.
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
    oldest_unsent_at: datetime | None = None
    is_watched: bool = False
    held: Held | None = None
    approved: Approval | None = None
    suspended_since: datetime | None = None
    suspended_until: datetime | None = None
    results_lost: int = 0
    clock_at: datetime | None = None
    seat: Seat = field(default_factory=Seat)

    @property
    def skew_s(self) -> int | None:
        """By how much its clock is ahead of ours, network time left out of account; None before its first heartbeat."""
        if self.clock_at is None or self.last_heartbeat_at is None:
            return None
        return round((self.clock_at - self.last_heartbeat_at).total_seconds())

    @property
    def clock_problem(self) -> str | None:
        """What is wrong with its clock, in words."""
        if self.skew_s is None or abs(self.skew_s) <= MAX_SKEW.total_seconds():
            return None
        how = "ahead" if self.skew_s > 0 else "behind"
        return f"clock_off: its clock is {abs(self.skew_s)} s {how}; set it right (timedatectl, chrony)"

    def is_suspended(self, now: datetime) -> bool:
        """Tell whether its agent is to write nothing at this moment."""
        return self.suspended_since is not None and (self.suspended_until is None or now < self.suspended_until)

    @property
    def is_approved(self) -> bool:
        """Whether just what is held has been approved."""
        return self.held is not None and self.approved == Approval(self.held.head, self.held.digest)

    @property
    def selectable(self) -> dict[str, str]:
        """The facts that a job's selector may ask for, beside labels. Its id outlasts every renaming."""
        facts = self.facts
        return {"name": facts.name, "hostname": facts.hostname, "platform": facts.platform, "endpoint": self.endpoint_id}

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


def ids_digest(job_ids: Iterable[str]) -> str:
    """Return what tells one set of jobs from another."""
    return hashlib.sha256("\n".join(sorted(job_ids)).encode()).hexdigest()


def state(endpoint: Endpoint, now: datetime) -> EndpointState:
    """Return the state an endpoint is in: inactive means enrolled and never seen."""
    if endpoint.is_revoked:
        return "revoked"
    if endpoint.last_heartbeat_at is None:
        return "inactive"
    return "active" if now - endpoint.last_heartbeat_at <= HEARTBEAT_GRACE else "offline"
