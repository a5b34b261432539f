"""Routes of incidents: what is wrong now, what was, and what people say about it."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import Field

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.domain.alert_rules import RuleKind, Severity
from chalicelib.domain.incidents import EventKind, Incident, IncidentState
from chalicelib.domain.messages import headline
from chalicelib.services import incidents

bp = ApiBlueprint(__name__)

_MAX_SNOOZE_S = int(incidents.MAX_SNOOZE.total_seconds())


class IncidentQuery(Model):
    """state: open lists all that are, the gravest first; all lists the ended ones too, the newest first, in pages."""

    state: Literal["open", "all"] = "open"
    limit: int = Field(default=50, ge=1, le=200)
    next: str | None = Field(default=None, max_length=64)


class SnoozeIn(Model):
    seconds: int = Field(ge=60, le=_MAX_SNOOZE_S)


class EventOut(Model):
    at: Moment
    kind: EventKind
    words: str | None
    who: str | None


class IncidentOut(Model):
    """title: in a line. why: as it was found out when it opened. bad: how many bad signs. run_id: of a run that shows it."""

    id: str
    title: str
    rule: str
    kind: RuleKind
    severity: Severity
    state: IncidentState
    endpoint_id: str | None
    endpoint_name: str | None
    job_id: str | None
    job_name: str | None
    namespace: str | None
    opened_at: Moment
    last_bad_at: Moment
    resolved_at: Moment | None
    snoozed_until: Moment | None
    bad: int
    why: str | None
    run_id: str | None
    parent: str | None
    events: list[EventOut]


class IncidentList(Model):
    incidents: list[IncidentOut]
    next: str | None


class IncidentAnswer(Model):
    incident: IncidentOut


@bp.api("GET", "/api/incidents", auth="user", scope="read:alerts", query=IncidentQuery, returns=IncidentList)
def list_incidents(ask: Ask) -> IncidentList:
    """List what is wrong now, or what ever was."""
    query: IncidentQuery = ask.query
    if query.state == "open":
        found = incidents.list_open(ask.known_caller)
    else:
        found = incidents.page(ask.known_caller, query.next, query.limit)
    return IncidentList(incidents=[incident_out(one) for one in found.incidents], next=found.next)


@bp.api("GET", "/api/incidents/{incident_id}", auth="user", scope="read:alerts", returns=IncidentAnswer)
def get_incident(ask: Ask, incident_id: str) -> IncidentAnswer:
    """Show one incident with its timeline."""
    return IncidentAnswer(incident=incident_out(incidents.load(ask.known_caller, incident_id)))


@bp.api(
    "POST",
    "/api/incidents/{incident_id}/acknowledge",
    auth="user",
    scope="write:alerts",
    returns=IncidentAnswer,
    audit="incident.acknowledged",
)
def acknowledge_incident(ask: Ask, incident_id: str) -> IncidentAnswer:
    """Take an incident on: nobody is reminded of it any more."""
    return IncidentAnswer(incident=incident_out(incidents.acknowledge(ask.known_caller, incident_id, datetime.now(UTC))))


@bp.api(
    "POST",
    "/api/incidents/{incident_id}/snooze",
    auth="user",
    scope="write:alerts",
    body=SnoozeIn,
    returns=IncidentAnswer,
    audit="incident.snoozed",
)
def snooze_incident(ask: Ask, incident_id: str) -> IncidentAnswer:
    """Silence an incident for a while; if it is still open then, it speaks again."""
    span = timedelta(seconds=ask.body.seconds)
    return IncidentAnswer(incident=incident_out(incidents.snooze(ask.known_caller, incident_id, span, datetime.now(UTC))))


@bp.api(
    "POST",
    "/api/incidents/{incident_id}/resolve",
    auth="user",
    scope="write:alerts",
    returns=IncidentAnswer,
    audit="incident.resolved",
)
def resolve_incident(ask: Ask, incident_id: str) -> IncidentAnswer:
    """End an incident by hand; the next bad sign opens another."""
    return IncidentAnswer(incident=incident_out(incidents.resolve(ask.known_caller, incident_id, datetime.now(UTC))))


def incident_out(incident: Incident) -> IncidentOut:
    """Return an incident as the API shows it."""
    subject = incident.subject
    return IncidentOut(
        id=incident.incident_id,
        title=headline(incident),
        rule=incident.rule,
        kind=incident.kind,
        severity=incident.severity,
        state=incident.state,
        endpoint_id=subject.endpoint_id,
        endpoint_name=subject.endpoint_name,
        job_id=subject.job_id,
        job_name=subject.job_name,
        namespace=subject.namespace,
        opened_at=incident.opened_at,
        last_bad_at=incident.last_bad_at,
        resolved_at=incident.resolved_at,
        snoozed_until=incident.snoozed_until,
        bad=incident.bad,
        why=incident.why,
        run_id=incident.run_id,
        parent=incident.parent,
        events=[EventOut(at=event.at, kind=event.kind, words=event.words, who=event.who) for event in incident.events],
    )
