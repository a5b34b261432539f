"""When a schedule will fire, for people: in words, and as moments in the zones that matter to them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Literal
from zoneinfo import ZoneInfo

from chalicelib.domain import dialects, durations, schedule, zones
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import Invalid
from chalicelib.domain.manifest import Job
from chalicelib.domain.selector import matches
from chalicelib.services import schedule_words
from chalicelib.services.job_filters import state_of
from chalicelib.store import endpoints as endpoint_store

MAX_COUNT = 50
UTC_ZONE = "UTC"


@dataclass(frozen=True, slots=True)
class ZoneRuns:
    """The next moments as clocks in one zone show them.

    source: whose zone it is. endpoints: (id, name) of those that live in it; a zone stands twice where their crons differ.
    moments: aware, in that zone.
    """

    timezone: str
    source: Literal["job", "endpoint", "default"]
    endpoints: tuple[tuple[str, str], ...]
    moments: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """words: the schedule in plain English. notes: what else somebody should know before relying on the moments."""

    words: str
    zones: tuple[ZoneRuns, ...]
    notes: tuple[str, ...]


def preview_job(tenant_id: str, job: Job, count: int, now: datetime) -> Preview:
    """Return when a job will run next on the endpoints it is meant for; one query. count: at most MAX_COUNT."""
    found = [endpoint for endpoint in _live(tenant_id) if _is_meant(job, endpoint)]
    notes = list(_job_notes(job, found))
    if job.schedule is None:
        words = (
            f"Every {durations.text_of(job.period_s)}, counted from ping to ping" if job.period_s else "Whenever it is started"
        )
        return Preview(words, (), (*notes, "without a schedule nobody knows the moments beforehand"))
    # A line of somebody else's stands as it is; what an agent keeps means the same in every cron.
    return _preview(job.schedule, job.timezone, found, count, now, notes, is_native=state_of(job) == "discovered")


def preview_schedule(tenant_id: str, expression: str, zone: str | None, count: int, now: datetime) -> Preview:
    """Return when a schedule would fire, in its zone, or else in that of each endpoint. Raise Invalid naming the field."""
    problems = {"schedule": schedule.problem(expression), "timezone": zones.problem(zone) if zone else None}
    if found := {field: problem for field, problem in problems.items() if problem}:
        raise Invalid.of(found)
    return _preview(expression, zone, list(_live(tenant_id)), count, now, [])


def _is_meant(job: Job, endpoint: Endpoint) -> bool:
    return bool(matches(job.selector, endpoint.selectable, endpoint.labels))


def _live(tenant_id: str) -> Iterable[Endpoint]:
    return (endpoint for endpoint in endpoint_store.list_of_tenant(tenant_id) if not endpoint.is_revoked)


def _preview(
    expression: str,
    zone: str | None,
    endpoints: list[Endpoint],
    count: int,
    now: datetime,
    notes: list[str],
    *,
    is_native: bool = False,
) -> Preview:
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for endpoint in endpoints:
        own = endpoint.facts.timezone
        if own and zones.problem(own) is None:
            flavour = _that_matters(endpoint.facts.scheduler, is_native=is_native)
            groups.setdefault((own, flavour), []).append((endpoint.endpoint_id, endpoint.facts.name))
        elif zone is None:
            notes.append(f"the endpoint {endpoint.facts.name!r} has not said in which time zone it lives")

    def runs(fires_in: str, shown_in: str, flavour: str = "") -> tuple[datetime, ...]:
        if is_native:
            moments = schedule.fires(expression, now, fires_in, flavour)
        else:
            moments = schedule.kept_fires(expression, now, fires_in, shown_in, flavour)
        return tuple(moment.astimezone(ZoneInfo(shown_in)) for moment in islice(moments, count))

    shown: list[ZoneRuns] = []
    if zone:
        shown.append(ZoneRuns(zone, "job", tuple(groups.pop((zone, ""), ())), runs(zone, zone)))
    elif not groups:
        shown.append(ZoneRuns(UTC_ZONE, "default", (), runs(UTC_ZONE, UTC_ZONE)))
    for (own, flavour), named in sorted(groups.items()):
        shown.append(ZoneRuns(own, "endpoint", tuple(named), runs(zone or own, own, flavour)))
    return Preview(schedule_words.describe(expression), tuple(shown), tuple(notes))


def _that_matters(flavour: str | None, *, is_native: bool) -> str:
    """Return a cron's name where the moments may depend on it, an empty text elsewhere."""
    dialect = dialects.of(flavour)
    return flavour or "" if (not dialect.is_crons if is_native else dialect.clock == "once") else ""


def _job_notes(job: Job, endpoints: list[Endpoint]) -> Iterable[str]:
    state = state_of(job)
    if state in ("paused", "disabled"):
        yield f"the job is {state}: none of these runs will happen until it is {'resumed' if state == 'paused' else 'enabled'}"
    if state == "discovered":
        yield "the job belongs to another application, which may change its schedule"
    if not endpoints and not job.is_pinged:
        yield "no endpoint fits the job's selector" if job.selector else "the tenant has no endpoint yet"
