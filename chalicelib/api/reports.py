"""Routes of reports: how jobs and endpoints are doing."""

from datetime import UTC, datetime

from pydantic import Field

from chalicelib.api.blueprint import ApiBlueprint, Ask, Model, Moment
from chalicelib.api.runs import DEFAULT_PAGE, MAX_PAGE, WindowQuery
from chalicelib.domain.health import Health
from chalicelib.domain.runs import STATUSES, RunStatus
from chalicelib.domain.tallies import Tally
from chalicelib.services import reports, runs
from chalicelib.services.counting import RunFilter
from chalicelib.services.reports import EndpointReport, JobReport, MachineFilter

bp = ApiBlueprint(__name__)


class PageQuery(WindowQuery):
    page: int = Field(default=1, ge=1, le=10_000)
    page_size: int = Field(default=DEFAULT_PAGE, ge=1, le=MAX_PAGE)


class JobReportQuery(PageQuery):
    namespace: str | None = Field(default=None, max_length=63)
    job: str | None = Field(default=None, max_length=63)
    endpoint_id: str | None = Field(default=None, max_length=64)
    status: RunStatus | None = None


class EndpointReportQuery(PageQuery):
    name: str | None = Field(default=None, max_length=200)
    hostname: str | None = Field(default=None, max_length=255)
    platform: str | None = Field(default=None, max_length=50)
    machine_id: str | None = Field(default=None, max_length=64)
    namespace: str | None = Field(default=None, max_length=63)
    job: str | None = Field(default=None, max_length=63)


class CountsOut(Model):
    """failure_count: failures and timeouts. health: the share of successes among those and the successes.

    Durations are not known for 24 hours, nor by status.
    """

    run_count: int
    success_count: int
    failure_count: int
    counts: dict[RunStatus, int]
    health: Health
    average_ms: int | None
    longest_ms: int | None


class JobReportOut(CountsOut):
    """job_ids: more than one where a job was deleted and made anew under its name."""

    job_name: str
    namespace: str
    job_ids: list[str]
    endpoint_count: int


class EndpointReportOut(CountsOut):
    """endpoint_id `ping`: runs that came by ping URL. name and what follows are null for a machine that was deleted."""

    endpoint_id: str
    name: str | None
    hostname: str | None
    platform: str | None
    machine_id: str | None
    version: str | None
    job_count: int


class ReportPage(Model):
    """since: where the window begins. total: rows on all pages."""

    since: Moment
    total: int
    page: int
    page_size: int


class JobReports(ReportPage):
    jobs: list[JobReportOut]


class EndpointReports(ReportPage):
    endpoints: list[EndpointReportOut]


@bp.api("GET", "/api/runs/by-job", auth="user", scope="read:runs", query=JobReportQuery, returns=JobReports)
def report_by_job(ask: Ask) -> JobReports:
    """Count runs by job, most runs first, with the health of each."""
    query: JobReportQuery = ask.query
    window = runs.window_of(ask.known_caller, datetime.now(UTC), query.wanted_days)
    wanted = RunFilter(query.namespace or None, query.job or None, query.endpoint_id or None, query.status)
    found = reports.by_job(ask.known_caller, window, wanted)
    page = [_job_out(report) for report in found[_slice(query)]]
    return JobReports(jobs=page, since=window.since, total=len(found), page=query.page, page_size=query.page_size)


@bp.api("GET", "/api/runs/by-endpoint", auth="user", scope="read:runs", query=EndpointReportQuery, returns=EndpointReports)
def report_by_endpoint(ask: Ask) -> EndpointReports:
    """Count runs by endpoint, most runs first, with the health of each."""
    query: EndpointReportQuery = ask.query
    window = runs.window_of(ask.known_caller, datetime.now(UTC), query.wanted_days)
    machines = MachineFilter(query.name, query.hostname, query.platform or None, query.machine_id or None)
    found = reports.by_endpoint(ask.known_caller, window, RunFilter(query.namespace or None, query.job), machines)
    page = [_endpoint_out(report) for report in found[_slice(query)]]
    return EndpointReports(endpoints=page, since=window.since, total=len(found), page=query.page, page_size=query.page_size)


def _slice(query: PageQuery) -> slice:
    return slice((query.page - 1) * query.page_size, query.page * query.page_size)


def _job_out(report: JobReport) -> JobReportOut:
    return JobReportOut(
        job_name=report.job_name,
        namespace=report.namespace,
        job_ids=list(report.job_ids),
        endpoint_count=len(report.endpoint_ids),
        **counts_out(report.tally).model_dump(),
    )


def _endpoint_out(report: EndpointReport) -> EndpointReportOut:
    facts = report.endpoint.facts if report.endpoint else None
    return EndpointReportOut(
        endpoint_id=report.endpoint_id,
        name=report.name,
        hostname=facts.hostname if facts else None,
        platform=facts.platform if facts else None,
        machine_id=facts.machine_id if facts else None,
        version=facts.version if facts else None,
        job_count=report.job_count,
        **counts_out(report.tally).model_dump(),
    )


def counts_out(tally: Tally) -> CountsOut:
    """Return a tally as the API shows it."""
    return CountsOut(
        run_count=tally.runs,
        success_count=tally.successes,
        failure_count=tally.failures,
        counts=dict(zip(STATUSES, tally.counts, strict=True)),
        health=tally.health,
        average_ms=tally.average_ms,
        longest_ms=tally.longest_ms if tally.timed else None,
    )
