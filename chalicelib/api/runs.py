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
from chalicelib.domain.windows import MAX_DAYS
from chalicelib.services import runs
from chalicelib.services.counting import RunFilter

bp = ApiBlueprint(__name__)

UUID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-%s[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
DEFAULT_DAYS = 7
DEFAULT_PAGE, MAX_PAGE, MAX_LEAFED = 100, 1000, 10_000
Millis = Annotated[int, Field(ge=0, le=2**53)]


class RunIn(Model):
    run_id: str = Field(pattern=UUID_PATTERN % "7")
    job_id: str = Field(pattern=UUID_PATTERN % "4")
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
    """total: how many runs match, from counters that follow the runs by a moment; null where it was not asked for."""

    runs: list[RunOut]
    total: int | None
    page: int
    page_size: int
    next: str | None


class WindowQuery(Model):
    """days: UTC dates, today's among them. window: the same by name; 24h are the hour that runs and the 24 before it."""

    days: int | None = Field(default=None, ge=1, le=MAX_DAYS)
    window: Literal["24h", "7d", "30d", "90d", "all"] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "WindowQuery":
        if self.days is not None and self.window is not None:
            raise ValueError("window: says what `days` says; send one of them")
        return self

    @property
    def wanted_days(self) -> int | None:
        """How many days, None for 24 hours."""
        if self.window:
            return {"24h": None, "7d": 7, "30d": 30, "90d": 90, "all": MAX_DAYS}[self.window]
        return self.days or DEFAULT_DAYS


class RunQuery(WindowQuery):
    """page: for lists that are leafed through, as far as the 10,000th run; `next` has no such end and costs less.

    count: say how many there are; by default on pages that are not asked for by `next`.
    """

    limit: int | None = Field(default=None, ge=1, le=MAX_PAGE)
    page: int = Field(default=1, ge=1, le=10_000)
    page_size: int | None = Field(default=None, ge=1, le=MAX_PAGE)
    next: str | None = Field(default=None, max_length=500)
    count: bool | None = None
    namespace: str | None = Field(default=None, max_length=63)
    job: str | None = Field(default=None, max_length=63)
    endpoint_id: str | None = Field(default=None, max_length=64)
    status: RunStatus | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> "RunQuery":
        if self.limit and self.page_size and self.limit != self.page_size:
            raise ValueError("page_size: says what `limit` says; send one of them")
        if self.next and self.page > 1:
            raise ValueError("page: cannot be sent with `next`, which says where to go on")
        if self.page * self.size > MAX_LEAFED:
            raise ValueError(f"page: leads past the {MAX_LEAFED:,}th run; go on with `next`")
        return self

    @property
    def size(self) -> int:
        return self.limit or self.page_size or DEFAULT_PAGE


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
    also=(201,),
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
    caller, size = ask.known_caller, query.size
    window = runs.window_of(caller, datetime.now(UTC), query.wanted_days)
    wanted = RunFilter(query.namespace or None, query.job or None, query.endpoint_id or None, query.status)
    skipped = (query.page - 1) * size
    page = runs.list_runs(caller, window, wanted, size, cursor=query.next, skipped=skipped)
    found = [RunOut(**_facts(run)) for run in page.runs]
    total = None
    if query.count or (query.count is None and query.next is None):
        is_whole = page.next is None and query.next is None and (found or query.page == 1)
        total = skipped + len(found) if is_whole else runs.count_runs(caller, window, wanted)
    return RunList(runs=found, total=total, page=query.page, page_size=size, next=page.next)


@bp.api("GET", "/api/runs/{run_id}", auth="user", scope="read:runs", returns=RunAnswer)
def get_run(ask: Ask, run_id: str) -> RunAnswer:
    """Show one run with its output."""
    run = runs.load_run(ask.known_caller, run_id)
    return RunAnswer(run=RunDetail(**_facts(run), output=run.output))


def _run(tenant_id: str, body: RunIn, now: datetime) -> Run:
    return Run(tenant_id=tenant_id, received_at=now, **{name: getattr(body, name) for name in RunIn.model_fields})


def _facts(run: Run) -> dict[str, Any]:
    return {name: getattr(run, name) for name in RunOut.model_fields}
