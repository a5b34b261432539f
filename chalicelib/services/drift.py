"""Drift that agents tell of: recorded once in the audit log, and adopted where that is asked for and allowed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain import drift
from chalicelib.domain.audit import Act, Actor
from chalicelib.domain.drift import DriftEvent, DriftOutcome
from chalicelib.domain.endpoints import Endpoint
from chalicelib.domain.errors import Conflict, Invalid
from chalicelib.domain.times import to_text
from chalicelib.forgejo.files import Author
from chalicelib.services import audit, endpoints, job_changes, jobs
from chalicelib.services.jobs import StoredJob
from chalicelib.services.repository import Change, Repository
from chalicelib.services.sessions import Caller
from chalicelib.store import counters as counter_store
from chalicelib.store import endpoints as endpoint_store


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of one event. commit: that adopted it. why: it was to be adopted and was not."""

    event_id: str
    outcome: DriftOutcome
    commit: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Telling:
    """One request with events. address: where it came from."""

    caller: Caller
    endpoint_id: str
    request_id: str
    address: str | None
    now: datetime


def take(repository: Repository, telling: Telling, events: Sequence[DriftEvent]) -> list[Recorded]:
    """Record each event that is not known yet, adopt what is to be, and return what became of each.

    Raise Forbidden if the token is another endpoint's, Unavailable while the forge or a table does not answer: told again,
    what was done by then is not done twice.
    """
    endpoints.refuse_other(telling.caller, telling.endpoint_id)
    endpoint = endpoints.load(telling.caller, telling.endpoint_id)
    return [_take(repository, telling, endpoint, event) for event in events]


def _take(repository: Repository, telling: Telling, endpoint: Endpoint, event: DriftEvent) -> Recorded:
    key = f"drift#{endpoint.tenant_id}#{endpoint.endpoint_id}#{event.event_id}"
    if counter_store.is_there(key):
        return Recorded(event.event_id, "duplicate")
    stored = None
    result = Recorded(event.event_id, "recorded")
    if event.done == "adopt":
        stored = next((one for one in jobs.list_jobs(repository).jobs if one.job.id == event.job_id), None)
        result = _adopt(repository, telling, endpoint, event, stored)
    # After the commit, which changes nothing when it is made again; before the entry, of which there must not be two.
    if counter_store.add(key, 1, 1, telling.now + drift.KNOWN_FOR) is None:
        return replace(result, outcome="duplicate")
    audit.record(_act(telling, event, stored, result))
    return result


def _adopt(
    repository: Repository, telling: Telling, endpoint: Endpoint, event: DriftEvent, stored: StoredJob | None
) -> Recorded:
    if stored is None:
        return Recorded(event.event_id, "recorded", why="no manifest defines the job")
    if _is_adopted(event, stored):
        return Recorded(event.event_id, "adopted")
    if why := drift.objection(event, stored.job, endpoint, endpoint_store.list_of_tenant(endpoint.tenant_id)):
        return Recorded(event.event_id, "recorded", why=why)
    author = Author(f"agent on {endpoint.facts.name}", f"{endpoint.endpoint_id}@endpoints.invalid")
    try:
        _, commit = job_changes.adopt_edit(
            repository, stored, event.schedule, endpoint.facts.name, Change(author, telling.request_id)
        )
    except (Conflict, Invalid) as e:
        return Recorded(event.event_id, "recorded", why=e.message)
    return Recorded(event.event_id, "adopted", commit)


def _is_adopted(event: DriftEvent, stored: StoredJob) -> bool:
    """Tell whether the manifest says it already, as after a try whose answer was lost."""
    return stored.job.schedule == event.schedule if event.schedule else stored.job.paused


def _act(telling: Telling, event: DriftEvent, stored: StoredJob | None, result: Recorded) -> Act:
    facts = {
        "endpoint_id": telling.endpoint_id,
        "job_id": event.job_id,
        "job": stored.job.reference if stored else "",
        "before": event.before,
        "after": event.after or "",
        "found_at": to_text(event.at),
        "done": "adopted" if result.outcome == "adopted" else "left" if event.done == "adopt" else event.done,
        "commit": result.commit or "",
        "why": result.why or "",
        "event_id": event.event_id,
    }
    return Act(
        tenant_id=telling.caller.tenant_id,
        action=f"drift.{event.kind}",
        outcome="done",
        by=Actor("endpoint", telling.endpoint_id),
        at=telling.now,
        request_id=telling.request_id,
        address=telling.address,
        target={name: value for name, value in facts.items() if value},
    )
