"""What a manifest defines: a Job. Plain values, each at the default that a manifest without the field stands for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from chalicelib.domain.names import DISCOVERED

DEFAULT_OUTPUT_BYTES = 10 * 1024
DEFAULT_GRACE_S = 300
DEFAULT_RETRY_DELAY_S = 10


@dataclass(frozen=True, slots=True)
class Job:
    """One job definition. id is None only where a file was pushed without one.

    schedule, command: only a job that reports by ping may lack them; then period_s may stand in for the schedule.
    timezone: IANA name, None for the zone of the machine it runs on. user: login, None for the agent's own.
    timeout_s: of one attempt. retry_attempts: how often it is tried again. cpu: whole processors.
    selector: fact or label of an endpoint -> values of which it must have one; empty for every endpoint.
    is_reported: its runs are recorded at all. checkin_by: who reports them. checkin_resume: what ends a pause of a pinged
    job; checkin_methods: which HTTP methods count as a ping. depends_on: `name` or `namespace/name`.
    """

    id: str | None
    name: str
    namespace: str
    schedule: str | None = None
    command: str | None = None
    args: tuple[str, ...] = ()
    working_dir: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    shell: str = "/bin/sh"
    timezone: str | None = None
    period_s: int | None = None
    timeout_s: int | None = None
    grace_s: int = DEFAULT_GRACE_S
    max_runtime_s: int | None = None
    min_runtime_s: int | None = None
    concurrency: Literal["allow", "forbid"] = "allow"
    retry_attempts: int = 0
    retry_backoff: Literal["fixed", "exponential"] = "fixed"
    retry_delay_s: int = DEFAULT_RETRY_DELAY_S
    selector: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_reported: bool = True
    checkin_by: Literal["agent", "ping"] = "agent"
    checkin_methods: Literal["any", "post"] = "any"
    checkin_resume: Literal["any", "manual"] = "any"
    output: Literal["tail", "none"] = "tail"
    max_output_bytes: int = DEFAULT_OUTPUT_BYTES
    alert_rules: tuple[str, ...] = ()
    alert_channels: tuple[str, ...] = ()
    nice: int | None = None
    io_class: Literal["best-effort", "idle", "realtime"] | None = None
    memory_bytes: int | None = None
    cpu: int | None = None
    depends_on: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    tenant: str | None = None
    enabled: bool = True
    paused: bool = False

    @property
    def is_pinged(self) -> bool:
        """Tell whether it runs outside any agent and reports by its ping URL."""
        return self.checkin_by == "ping"

    @property
    def is_scheduled(self) -> bool:
        """Tell whether agents should have an entry for it."""
        # Spelt out, since an agent asks it of every job in every round.
        is_ours = self.checkin_by != "ping" and self.labels.get("source") != DISCOVERED
        return is_ours and self.enabled and not self.paused

    @property
    def is_discovered(self) -> bool:
        """Tell whether it was found in an endpoint's crontab, where another application runs it; nobody adds a second entry."""
        return self.labels.get("source") == DISCOVERED

    @property
    def reference(self) -> str:
        """Return what names it in its tenant."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Manifest:
    job: Job
    warnings: tuple[str, ...] = ()
