"""Routes of runs: reports in, history out."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    RootModel,
    Tag,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from chalicelib.api import errors
from chalicelib.api.blueprint import Answer, ApiBlueprint, Ask, Model, Moment
from chalicelib.domain import limits
from chalicelib.domain.errors import Conflict, Invalid
from chalicelib.domain.runs import MAX_BATCH, MAX_OUTPUT_BYTES, Outcome, Run, RunStatus
from chalicelib.services import runs
from chalicelib.services.runs import RunFilter

bp = ApiBlueprint(__name__)

_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-%s[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
Millis = Annotated[int, Field(ge=0, le=2**53)]


class RunIn(Model):
    run_id: str = Field(pattern=_UUID % "7")
    job_id: str = Field(pattern=_UUID % "4")
    job_name: str = Field(min_length=1, max_length=63)
    namespace: str = Field(min_length=1, max_length=63)
    endpoint_id: str = Field(min_length=1, max_length=64)
    status: RunStatus
    started_at: Moment
    finished_at: Moment | None = None
    duration_ms: Millis | None = None
    exit_code: Annotated[int, Field(ge=0, le=2**32)] | None = None
    signal: Annotated[int, Field(ge=1, le=128)] | None = None
    output: str | None = Field(default=None, max_length=MAX_OUTPUT_BYTES)
    output_bytes: Millis = 0
    output_truncated: bool = False
    commit: str | None = Field(default=None, pattern="^[0-9a-f]{40}([0-9a-f]{24})?$")
    reported_at: Moment

    @model_validator(mode="after")
    def _is_whole(self) -> "RunIn":
        if self.output is not None and len(self.output.encode("utf-8", "replace")) > MAX_OUTPUT_BYTES:
            raise ValueError(f"output: at most {MAX_OUTPUT_BYTES} bytes of UTF-8")
        if self.status != "running" and self.finished_at is None:
            raise ValueError("finished_at: is required once a run has ended")
        return self


def _run_or_problems(value: object, read: ValidatorFunctionWrapHandler) -> RunIn | Invalid:
    """One bad run must not keep the others of its batch from being counted."""
    try:
        run: RunIn = read(value)
    except ValidationError as e:
        return Invalid.of(errors.problems_of(e))
    return run


class Batch(Model):
    runs: list[Annotated[RunIn, WrapValidator(_run_or_problems)]] = Field(min_length=1, max_length=MAX_BATCH)


class CheckIn(RootModel[Annotated[RunIn, Tag("~run")] | Annotated[Batch, Tag("~batch")]]):
    """One run, or `runs` with up to 25 of them."""

    model_config = ConfigDict(strict=True)
    root: Annotated[
        Annotated[RunIn, Tag("~run")] | Annotated[Batch, Tag("~batch")],
        Discriminator(lambda body: "~batch" if isinstance(body, dict) and "runs" in body else "~run"),
    ]


class RunOut(Model):
    run_id: str
    job_id: str
    job_name: str
    namespace: str
    endpoint_id: str
    status: RunStatus
    started_at: Moment
    finished_at: Moment | None
    duration_ms: int | None
    exit_code: int | None
    signal: int | None
    output_bytes: int
    output_truncated: bool
    commit: str | None
    reported_at: Moment
    received_at: Moment
    skew_ms: int


class RunDetail(RunOut):
    output: str | None


class RunAnswer(Model):
    run: RunDetail


class RunList(Model):
    """total is None: runs are not counted yet, and are never read only to be counted."""

    runs: list[RunOut]
    total: int | None
    page: int
    page_size: int
    next: str | None


class RunQuery(Model):
    limit: int = Field(default=100, ge=1, le=1000)
    next: str | None = Field(default=None, max_length=500)
    days: int = Field(default=7, ge=1, le=90)
    namespace: str | None = Field(default=None, max_length=63)
    job: str | None = Field(default=None, max_length=63)
    endpoint_id: str | None = Field(default=None, max_length=64)
    status: RunStatus | None = None


class Result(Model):
    run_id: str
    outcome: Outcome | Literal["invalid"]
    message: str | None = None


class Results(Model):
    results: list[Result]


CONFLICT = "this run was reported before with another result; the first report stays"


@bp.api(
    "POST",
    "/api/runs/check-in",
    auth="endpoint",
    limit=limits.CHECK_IN,
    body=CheckIn,
    returns=Results,
    aliases=["POST /api/checkins"],
)
def check_in(ask: Ask) -> Answer:
    """Take in the report of one run or of up to 25; idempotent by run_id."""
    body, now = ask.body.root, datetime.now(UTC)
    tenant_id = ask.known_caller.tenant_id
    if isinstance(body, Batch):
        return _batch_answer(ask, body, now)
    outcome = runs.check_in(ask.known_caller, _run(tenant_id, body, now))
    if outcome == "conflict":
        raise Conflict(CONFLICT, code="run_id_conflict")
    result = Result(run_id=body.run_id, outcome=outcome)
    return Answer(Results(results=[result]), 201 if outcome == "created" else 200, {})


def _batch_answer(ask: Ask, batch: Batch, now: datetime) -> Answer:
    tenant_id = ask.known_caller.tenant_id
    good = [_run(tenant_id, item, now) for item in batch.runs if isinstance(item, RunIn)]
    outcomes = iter(runs.check_in_batch(ask.known_caller, good))
    results = [_result(item, outcomes) for item in batch.runs]
    return Answer(Results(results=results), 200, {})


def _result(item: RunIn | Invalid, outcomes: Iterator[Outcome]) -> Result:
    if isinstance(item, Invalid):
        message = "; ".join(f"{field}: {problem}" for field, problem in item.problems.items())
        return Result(run_id="", outcome="invalid", message=message)
    outcome = next(outcomes)
    return Result(run_id=item.run_id, outcome=outcome, message=CONFLICT if outcome == "conflict" else None)


@bp.api("GET", "/api/runs", auth="user", scope="read:runs", query=RunQuery, returns=RunList)
def list_runs(ask: Ask) -> RunList:
    """List runs, newest first."""
    query: RunQuery = ask.query
    wanted = RunFilter(query.days, query.namespace, query.job, query.endpoint_id, query.status)
    page = runs.list_runs(ask.known_caller, wanted, query.limit, query.next, datetime.now(UTC))
    found = [RunOut(**_facts(run)) for run in page.runs]
    return RunList(runs=found, total=None, page=1, page_size=query.limit, next=page.next)


@bp.api("GET", "/api/runs/{run_id}", auth="user", scope="read:runs", returns=RunAnswer)
def get_run(ask: Ask, run_id: str) -> RunAnswer:
    """Show one run with its output."""
    run = runs.load_run(ask.known_caller, run_id)
    return RunAnswer(run=RunDetail(**_facts(run), output=run.output))


def _run(tenant_id: str, body: RunIn, now: datetime) -> Run:
    return Run(tenant_id=tenant_id, received_at=now, **{name: getattr(body, name) for name in RunIn.model_fields})


def _facts(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in RunOut.model_fields}
