"""The route by which an endpoint tells what it found in its crontab beside its own lines."""

from typing import Annotated, Literal

from pydantic import Field

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model
from chalicelib.api.repositories import repository_of
from chalicelib.domain.audit import Unaudited
from chalicelib.domain.discovery import Found, Outcome
from chalicelib.services import discovery

bp = ApiBlueprint(__name__)

Uuid4 = Annotated[str, Field(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]


class FoundIn(Model):
    """line_hash: SHA-256 of the line's bytes. id: from the mark behind it. user: whose table it is in, if not the agent's.

    table: where it stands, if not in the agent's own table. env, shell, timezone: in force for it, as far as they are not for
    the agent's own lines. obstacle: why it cannot be adopted. note: what to know before adopting it. set_aside: it is adopted
    already and stands in a comment.
    """

    line_hash: str = Field(pattern="^[0-9a-f]{64}$")
    schedule: str = Field(max_length=500)
    command: str
    name: str | None = Field(default=None, max_length=255)
    user: str | None = Field(default=None, max_length=100)
    id: Uuid4 | None = None
    table: str | None = Field(default=None, max_length=255)
    env: dict[str, str] = Field(default_factory=dict, max_length=64)
    shell: str | None = Field(default=None, max_length=255)
    timezone: str | None = Field(default=None, max_length=64)
    obstacle: str | None = Field(default=None, max_length=500)
    note: str | None = Field(default=None, max_length=1000)
    set_aside: bool = False


class ReportIn(Model):
    """is_complete: nothing was left out, so that what is missing is gone."""

    jobs: list[FoundIn] = Field(max_length=discovery.MAX_REPORT)
    is_complete: bool = True


class FoundOut(Model):
    """id: what is to stand behind the line. state: adopted where a person has made it a job of theirs since.

    problem: why no manifest can hold the line; it has no id then, unless it had one.
    """

    line_hash: str
    id: str | None
    name: str | None
    namespace: str | None
    state: Literal["added", "changed", "unchanged", "adopted", "refused"]
    problem: str | None


class RemovedOut(Model):
    id: str | None
    name: str


class ReportAnswer(Model):
    jobs: list[FoundOut]
    removed: list[RemovedOut]
    commit: str | None


@bp.api(
    "POST",
    "/api/endpoints/{endpoint_id}/discovered-jobs",
    auth="endpoint",
    body=ReportIn,
    returns=ReportAnswer,
    audit=Unaudited("is a commit, by the endpoint's name"),
)
def report_discovered(ask: Ask, endpoint_id: str) -> ReportAnswer:
    """Take what an endpoint found: new jobs, changed ones, and by their absence those that are gone."""
    body: ReportIn = ask.body
    found = [_found(one) for one in body.jobs]
    told = discovery.report(
        repository_of(ask), ask.known_caller, endpoint_id, found, ask.request_id, is_complete=body.is_complete
    )
    return ReportAnswer(
        jobs=[_out(outcome) for outcome in told.outcomes],
        removed=[RemovedOut(id=one.job.id, name=one.job.name) for one in told.removed],
        commit=told.commit,
    )


def _found(one: FoundIn) -> Found:
    facts = one.model_dump(exclude={"id", "set_aside"})
    return Found(**facts, job_id=one.id, is_set_aside=one.set_aside)


def _out(outcome: Outcome) -> FoundOut:
    job = outcome.job
    return FoundOut(
        line_hash=outcome.found.line_hash,
        id=job.id if job else None,
        name=job.name if job else None,
        namespace=job.namespace if job else None,
        state=outcome.state,
        problem=outcome.problem,
    )
