"""The route of slots: what was expected of a job, and what came of it."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from pydantic import Field

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.api.repositories import repository_of
from chalicelib.domain.slots import SlotState, moments
from chalicelib.services import jobs, slots
from chalicelib.services.slots import Entry

bp = ApiBlueprint(__name__)

MAX_HOURS = 168


class SlotQuery(Model):
    """hours: how far back. limit: the newest of what is found."""

    hours: int = Field(default=24, ge=1, le=MAX_HOURS)
    endpoint_id: str | None = Field(default=None, max_length=64)
    state: SlotState | None = None
    limit: int = Field(default=100, ge=1, le=1000)


class SlotOut(Model):
    """runs: ids, the one that counts first. why: of a state that no run explains."""

    endpoint_id: str
    at: Moment
    state: SlotState
    runs: list[str]
    why: str | None


class ExpectedOut(Model):
    """since: from when the endpoint has the job like this. next_at: its next slot."""

    endpoint_id: str
    schedule: str | None
    timezone: str
    grace_s: int
    since: Moment
    next_at: Moment | None


class SlotList(Model):
    """total, counts: of the whole time asked for, by state, however many are listed."""

    job_id: str
    slots: list[SlotOut]
    total: int
    counts: dict[str, int]
    expected: list[ExpectedOut]


@bp.api("GET", "/api/jobs/{namespace}/{name}/slots", auth="user", scope="read:runs", query=SlotQuery, returns=SlotList)
def list_slots(ask: Ask, namespace: str, name: str) -> SlotList:
    """List every moment at which a job should have run, newest first, and what came of it."""
    query: SlotQuery = ask.query
    now = datetime.now(UTC)
    job_id = jobs.load_job(repository_of(ask), namespace, name).job.id or ""
    found = slots.of_job(ask.known_caller, job_id, now - timedelta(hours=query.hours), now, query.endpoint_id)
    wanted = [entry for entry in found.entries if query.state in (None, entry.slot.state)]
    return SlotList(
        job_id=job_id,
        slots=[_slot(entry) for entry in wanted[: query.limit]],
        total=len(wanted),
        counts=dict(Counter(entry.slot.state for entry in found.entries)),
        expected=[
            ExpectedOut(
                endpoint_id=endpoint_id,
                schedule=expected.schedule,
                timezone=expected.zone,
                grace_s=int(expected.grace.total_seconds()),
                since=expected.since,
                next_at=next(moments(expected, now), None),
            )
            for endpoint_id, expected in sorted(found.expected.items())
        ],
    )


def _slot(entry: Entry) -> SlotOut:
    slot = entry.slot
    runs = [run.run_id for run in slot.runs]
    return SlotOut(endpoint_id=entry.endpoint_id, at=slot.at, state=slot.state, runs=runs, why=slot.why)
