"""The route by which agents tell what somebody did by hand to their entries."""

from datetime import UTC, datetime

from pydantic import Field, field_validator

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.api.repositories import repository_of
from chalicelib.api.runs import UUID_PATTERN
from chalicelib.domain.drift import DriftDone, DriftEvent, DriftKind, DriftOutcome
from chalicelib.services import drift
from chalicelib.services.drift import Telling

bp = ApiBlueprint(__name__)

MAX_EVENTS = 20
MAX_LINE = 1000


class DriftEventIn(Model):
    """before, after: the entry as the agent wrote it, and as it was found; null where nothing was. path: of the manifest.

    done: adopt asks for the edit to become the manifest's: `schedule`, or, if that is null, a pause.
    """

    event_id: str = Field(pattern=UUID_PATTERN % "4")
    job_id: str = Field(pattern=UUID_PATTERN % "4")
    path: str = Field(default="", max_length=500)
    kind: DriftKind
    before: str = Field(max_length=MAX_LINE)
    after: str | None = Field(max_length=MAX_LINE)
    at: Moment
    done: DriftDone
    schedule: str | None = Field(default=None, max_length=200)


class DriftReport(Model):
    events: list[DriftEventIn] = Field(min_length=1, max_length=MAX_EVENTS)

    @field_validator("events")
    @classmethod
    def _are_different(cls, given: list[DriftEventIn]) -> list[DriftEventIn]:
        if len({one.event_id for one in given}) != len(given):
            raise ValueError("each event may be told once")
        return given


class DriftResult(Model):
    """outcome: duplicate is known already. commit: that adopted it. why: it was to be adopted, and was only recorded."""

    event_id: str
    outcome: DriftOutcome
    commit: str | None
    why: str | None


class DriftAnswer(Model):
    results: list[DriftResult]


@bp.api("POST", "/api/endpoints/{endpoint_id}/drift", auth="endpoint", body=DriftReport, returns=DriftAnswer)
def report_drift(ask: Ask, endpoint_id: str) -> DriftAnswer:
    """Take in what somebody did by hand to an agent's entries: each event is recorded once in the audit log."""
    body: DriftReport = ask.body
    address = ask.request.context["identity"]["sourceIp"]
    telling = Telling(ask.known_caller, endpoint_id, ask.request_id, address, datetime.now(UTC))
    results = drift.take(repository_of(ask), telling, [_event(one) for one in body.events])
    return DriftAnswer(
        results=[DriftResult(event_id=one.event_id, outcome=one.outcome, commit=one.commit, why=one.why) for one in results]
    )


def _event(told: DriftEventIn) -> DriftEvent:
    return DriftEvent(told.event_id, told.job_id, told.kind, told.before, told.after, told.at, told.done, told.schedule)
