"""What is told of an incident, the same for every channel; each channel says it in its own form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from chalicelib.domain.alert_rules import Severity
from chalicelib.domain.incidents import Incident, NoticeKind

MessageKind = Literal["opened", "reminder", "escalation", "resolved", "digest", "test"]
LinkName = Literal["incident", "acknowledge", "snooze", "job", "run"]

MAX_OUTPUT = 2000  # characters; channels take less
_WORDS = {
    "failure": "failed",
    "missed": "did not run",
    "late": "ran late",
    "too_long": "runs too long",
    "too_short": "ended too soon",
    "too_often": "runs too often",
    "output": "wrote what it should not, or not what it should",
    "offline": "is offline",
    "drift": "was changed by hand",
    "invalid": "cannot be read",
    "held": "waits for an approval",
    "health": "is not healthy",
    "rate_limited": "sends too many requests",
}


@dataclass(frozen=True, slots=True)
class Context:
    """What is known about an incident beside itself. output: the end of what the run wrote. commit: who changed the job last.

    links: addresses for people; those that change something are signed and end by themselves.
    """

    output: str | None = None
    exit_code: int | None = None
    last_good_at: datetime | None = None
    commit: str | None = None
    links: Mapping[LinkName, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell. dedup_key: of the episode; a provider that is told twice shows it once.

    title: one line, no markup. count: how many bad signs. incidents: titles, of a digest.
    """

    kind: MessageKind
    tenant_id: str
    dedup_key: str
    title: str
    severity: Severity
    at: datetime
    subject: str = ""
    rule: str = ""
    why: str | None = None
    opened_at: datetime | None = None
    resolved_at: datetime | None = None
    count: int = 1
    context: Context = field(default_factory=Context)
    incidents: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        return self.kind == "resolved"


def headline(incident: Incident) -> str:
    """Return an incident in one line: whom it is about, and what is wrong or was."""
    if incident.state == "resolved":
        return f"{incident.subject.words} is well again"
    return f"{incident.subject.words} {_WORDS[incident.kind]}"


def message_of(incident: Incident, kind: NoticeKind, context: Context, now: datetime) -> Message:
    """Return what is told of an incident."""
    prefix = {"reminder": "Still: ", "escalation": "Nobody has looked: "}.get(kind, "")
    output = context.output[-MAX_OUTPUT:] if context.output else None
    return Message(
        kind=kind,
        tenant_id=incident.tenant_id,
        dedup_key=incident.dedup_key,
        title=prefix + headline(incident),
        severity=incident.severity,
        at=now,
        subject=incident.subject.words,
        rule=incident.rule,
        why=incident.why,
        opened_at=incident.opened_at,
        resolved_at=incident.resolved_at,
        count=incident.bad,
        context=Context(output, context.exit_code, context.last_good_at, context.commit, context.links),
    )


def digest_of(incidents: tuple[Incident, ...], digest_id: str, now: datetime) -> Message:
    """Return one message for many incidents that opened at once. digest_id: names it to providers."""
    gravest: Severity = "info"
    for severity in ("warning", "critical"):
        if any(incident.severity == severity for incident in incidents):
            gravest = severity
    tenant_id = incidents[0].tenant_id
    return Message(
        kind="digest",
        tenant_id=tenant_id,
        dedup_key=f"ctp/{tenant_id}/{digest_id}",
        title=f"{len(incidents)} incidents have opened",
        severity=gravest,
        at=now,
        opened_at=min(incident.opened_at for incident in incidents),
        count=len(incidents),
        incidents=tuple(headline(incident) for incident in incidents),
    )
