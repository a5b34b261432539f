"""Rules: what is worth telling somebody, of whom, from how much on, and whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Literal

RuleKind = Literal[
    "failure", "missed", "late", "too_long", "too_short", "too_often", "output", "offline", "drift", "invalid", "held",
    "health", "rate_limited",
]  # fmt: skip
Severity = Literal["info", "warning", "critical"]

MAX_IN_A_ROW = 100


@dataclass(frozen=True, slots=True)
class Subject:
    """What an alert is about: a job on an endpoint, an endpoint, a job wherever it runs, or a tenant as a whole.

    labels: the job's and, where a key is not among them, the endpoint's.
    """

    tenant_id: str
    endpoint_id: str | None = None
    endpoint_name: str | None = None
    job_id: str | None = None
    job_name: str | None = None
    namespace: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What tells it from all others of its tenant; names may change, ids do not."""
        return f"{self.endpoint_id or '-'}#{self.job_id or '-'}"

    @property
    def words(self) -> str:
        """Return how people call it."""
        job = f"{self.namespace}/{self.job_name}" if self.job_name else None
        machine = self.endpoint_name or self.endpoint_id
        return " on ".join(part for part in (job, machine) if part) or f"tenant {self.tenant_id}"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a rule concerns; what is empty takes all. jobs, namespaces, endpoints: with * and ?; a job as `name` or
    `namespace/name`, an endpoint by name or id. labels: all of them."""

    jobs: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def takes(self, subject: Subject) -> bool:
        job = subject.job_name or ""
        return (
            _any(self.jobs, job, f"{subject.namespace}/{job}")
            and _any(self.namespaces, subject.namespace or "")
            and _any(self.endpoints, subject.endpoint_name or "", subject.endpoint_id or "")
            and all(subject.labels.get(key) == value for key, value in self.labels.items())
        )


def _any(patterns: tuple[str, ...], *names: str) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


@dataclass(frozen=True, slots=True)
class Rule:
    """to_open, to_close: how many in a row, bad ones or good ones. channels: by name; none means the tenant's own.

    remind_every: while nobody has acknowledged; at most `reminders` times. escalate_after: to `escalate_to`, unless somebody
    has acknowledged before. limit, pattern: of kinds that ask for a number or a text, see docs/monitoring.md.
    """

    name: str
    kind: RuleKind
    severity: Severity = "critical"
    scope: Scope = field(default_factory=Scope)
    to_open: int = 1
    to_close: int = 1
    window: timedelta | None = None
    limit: float | None = None
    pattern: str | None = None
    channels: tuple[str, ...] = ()
    remind_every: timedelta | None = None
    reminders: int = 10
    escalate_after: timedelta | None = None
    escalate_to: tuple[str, ...] = ()
    is_enabled: bool = True


# A tenant who has said nothing still hears of what went wrong.
DEFAULT_RULES: tuple[Rule, ...] = (
    Rule("job-failed", "failure"),
    Rule("run-missed", "missed"),
    Rule("endpoint-offline", "offline"),
    Rule("removals-held", "held", severity="warning"),
    Rule("manifest-invalid", "invalid", severity="warning"),
)


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that was noticed about a subject. bad_in_row, good_in_row: how many of its kind, this one among them; one of
    them is 0. value: of kinds that measure. why: in words. run_id: of the run that shows it."""

    kind: RuleKind
    subject: Subject
    at: datetime
    bad_in_row: int = 0
    good_in_row: int = 0
    value: float | None = None
    why: str | None = None
    run_id: str | None = None


Verdict = Literal["open", "again", "close", "nothing"]


def judge(rule: Rule, signal: Signal, *, is_open: bool) -> Verdict:
    """Return what a signal means under a rule that is for its kind and subject. is_open: there is an open incident of both."""
    if signal.bad_in_row:
        if is_open:
            return "again"
        return "open" if signal.bad_in_row >= rule.to_open else "nothing"
    return "close" if is_open and signal.good_in_row >= rule.to_close else "nothing"


def rules_for(rules: tuple[Rule, ...], signal: Signal) -> list[Rule]:
    """Return the rules that a signal is for."""
    return [rule for rule in rules if rule.is_enabled and rule.kind == signal.kind and rule.scope.takes(signal.subject)]
