"""Incidents: one for each episode, from the first bad sign to the last good one, and what is told to whom meanwhile."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from chalicelib.domain.alert_rules import Rule, RuleKind, Severity, Signal, Subject

IncidentState = Literal["open", "acknowledged", "snoozed", "resolved"]
EventKind = Literal[
    "opened", "again", "acknowledged", "snoozed", "woken", "escalated", "reminded", "suppressed", "released", "resolved"
]
NoticeKind = Literal["opened", "reminder", "escalation", "resolved"]

MAX_EVENTS = 50
# Again and again is counted, and told of in the timeline this often.
AGAIN_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a timeline. who: the person, None where it was Crontopus."""

    at: datetime
    kind: EventKind
    words: str | None = None
    who: str | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """bad: how many bad signs so far. parent: the open incident that this one is silent for. told: notices of its opening,
    reminders and escalation, each with its moment. why: as it was found out when it opened.
    rev: counts its writes, 0 before the first."""

    incident_id: str
    tenant_id: str
    rule: str
    kind: RuleKind
    severity: Severity
    subject: Subject
    opened_at: datetime
    last_bad_at: datetime
    state: IncidentState = "open"
    bad: int = 1
    why: str | None = None
    run_id: str | None = None
    parent: str | None = None
    resolved_at: datetime | None = None
    snoozed_until: datetime | None = None
    told: tuple[tuple[datetime, NoticeKind], ...] = ()
    events: tuple[Event, ...] = ()
    rev: int = 0

    @property
    def key(self) -> str:
        return episode_key(self.rule, self.subject)

    @property
    def is_open(self) -> bool:
        return self.state != "resolved"

    @property
    def dedup_key(self) -> str:
        """What providers know the episode by: the same for its opening, its reminders and its end."""
        return f"ctp/{self.tenant_id}/{self.incident_id}"


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be told now. channels: by name; none means the tenant's own."""

    kind: NoticeKind
    channels: tuple[str, ...] = field(default=())


def episode_key(rule: str, subject: Subject) -> str:
    """Return what only one open incident may have: this rule about this subject."""
    return hashlib.sha256(f"{rule}\0{subject.key}".encode()).hexdigest()[:32]


def opened(incident_id: str, rule: Rule, signal: Signal, parent: str | None = None) -> Incident:
    """Return a new incident. parent: the id of an open one of something it depends on; it is silent as long as that lasts."""
    events = [Event(signal.at, "opened", signal.why)]
    if parent:
        events.append(Event(signal.at, "suppressed", f"because of {parent}"))
    return Incident(
        incident_id=incident_id,
        tenant_id=signal.subject.tenant_id,
        rule=rule.name,
        kind=rule.kind,
        severity=rule.severity,
        subject=signal.subject,
        opened_at=signal.at,
        last_bad_at=signal.at,
        bad=max(1, signal.bad_in_row),
        why=signal.why,
        run_id=signal.run_id,
        parent=parent,
        events=tuple(events),
    )


def again(incident: Incident, signal: Signal) -> Incident:
    """Return the incident after one more bad sign; one that is known already changes nothing."""
    if not incident.is_open or signal.at <= incident.last_bad_at:
        return incident
    newest = max((event.at for event in incident.events if event.kind in ("opened", "again")), default=incident.opened_at)
    count = max(incident.bad + 1, signal.bad_in_row)
    counted = replace(incident, last_bad_at=signal.at, bad=count, run_id=signal.run_id or incident.run_id)
    return _with(counted, Event(signal.at, "again", signal.why)) if signal.at - newest >= AGAIN_EVERY else counted


def resolved(incident: Incident, at: datetime, words: str | None, who: str | None = None) -> Incident:
    """Return the incident as ended; one that has ended stays as it did."""
    if not incident.is_open:
        return incident
    ended = replace(incident, state="resolved", resolved_at=at, snoozed_until=None)
    return _with(ended, Event(at, "resolved", words, who))


def acknowledged(incident: Incident, at: datetime, who: str) -> Incident:
    """Return the incident as somebody's: no reminder and no escalation follows."""
    if not incident.is_open or incident.state == "acknowledged":
        return incident
    return _with(replace(incident, state="acknowledged", snoozed_until=None), Event(at, "acknowledged", None, who))


def snoozed(incident: Incident, at: datetime, until: datetime, who: str) -> Incident:
    """Return the incident as silent until a moment; then it reminds, if it is still open."""
    if not incident.is_open:
        return incident
    words = f"until {until:%Y-%m-%d %H:%M} UTC"
    return _with(replace(incident, state="snoozed", snoozed_until=until), Event(at, "snoozed", words, who))


def released(incident: Incident, at: datetime) -> Incident:
    """Return the incident after the one that it was silent for has ended; from now on it speaks."""
    return _with(replace(incident, parent=None), Event(at, "released")) if incident.parent and incident.is_open else incident


def due_notices(incident: Incident, rule: Rule, now: datetime) -> list[Notice]:
    """Return what is to be told now and has not been told yet. An episode nobody heard of ends unheard."""
    kinds = [kind for _, kind in incident.told]
    if incident.state == "resolved":
        return [Notice("resolved", rule.channels)] if "opened" in kinds and "resolved" not in kinds else []
    if incident.parent or (incident.snoozed_until and now < incident.snoozed_until):
        return []
    if "opened" not in kinds:
        return [Notice("opened", rule.channels)]
    if incident.state == "acknowledged":
        return []
    notices = []
    if rule.escalate_after and "escalation" not in kinds and now >= incident.opened_at + rule.escalate_after:
        notices.append(Notice("escalation", rule.escalate_to))
    if _is_reminder_due(incident, rule, now):
        notices.append(Notice("reminder", rule.channels))
    return notices


def _is_reminder_due(incident: Incident, rule: Rule, now: datetime) -> bool:
    if incident.snoozed_until:
        # Awake again: it says that it is still there, whatever the rule says of reminders.
        return not any(at >= incident.snoozed_until for at, _ in incident.told)
    reminders = sum(kind == "reminder" for _, kind in incident.told)
    if rule.remind_every is None or reminders >= rule.reminders:
        return False
    return now >= max(at for at, _ in incident.told) + rule.remind_every


def next_look(incident: Incident, rule: Rule, now: datetime) -> datetime | None:
    """Return the first moment after now at which something more may have to be told, None if nothing will by itself."""
    if not incident.is_open or incident.parent or incident.state == "acknowledged":
        return None
    moments = [incident.snoozed_until] if incident.snoozed_until else []
    if not incident.snoozed_until and rule.remind_every and incident.told:
        moments.append(max(at for at, _ in incident.told) + rule.remind_every)
    if rule.escalate_after and all(kind != "escalation" for _, kind in incident.told):
        moments.append(incident.opened_at + rule.escalate_after)
    return min((moment for moment in moments if moment and moment > now), default=None)


def after_telling(incident: Incident, notices: Sequence[Notice], now: datetime) -> Incident:
    """Return the incident once these notices are on their way."""
    words: dict[NoticeKind, EventKind] = {"reminder": "reminded", "escalation": "escalated"}
    incident = replace(incident, told=(*incident.told, *((now, notice.kind) for notice in notices)))
    for notice in notices:
        if notice.kind in words:
            incident = _with(incident, Event(now, words[notice.kind], ", ".join(notice.channels) or None))
    return incident


def _with(incident: Incident, event: Event) -> Incident:
    """Return the incident with one more event; of many, the first and the newest are kept."""
    events = (*incident.events, event)
    return replace(incident, events=events if len(events) <= MAX_EVENTS else (events[0], *events[-MAX_EVENTS + 1 :]))
