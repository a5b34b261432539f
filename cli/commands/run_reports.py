"""crontopus runs by-job, by-endpoint: how often it went well."""

from collections.abc import Iterable, Sequence

import click

from cli import references
from cli.answers import Body
from cli.commands import run_input
from cli.groups import Command
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column, status

_TALLY = (
    Column("HEALTH"),
    Column("RUNS", key="run_count"),
    Column("OK", key="success_count"),
    Column("FAILED", key="failure_count"),
    Column("AVERAGE", is_extra=True, key="average_ms"),
    Column("LONGEST", is_extra=True, key="longest_ms"),
)
_BY_JOB = (Column("JOB", is_name=True, is_flexible=True), *_TALLY, Column("ENDPOINTS", is_extra=True, key="endpoint_count"))
_BY_ENDPOINT = (
    Column("ENDPOINT", is_flexible=True),
    *_TALLY,
    Column("JOBS", is_extra=True, key="job_count"),
    Column("ID", is_name=True, key="endpoint_id"),
    Column("HOSTNAME", is_wide=True),
    Column("PLATFORM", is_wide=True),
    Column("VERSION", is_wide=True),
)

_window = click.option(
    "--window", type=click.Choice(["24h", "7d", "30d", "90d", "all"]), default="7d", show_default=True, help="How far back."
)
_limit = click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many at most.")


@click.command("by-job", cls=Command)
@run_input.run_filters
@_window
@_limit
@pass_invocation
def by_job(
    invocation: Invocation,
    job: str | None,
    namespace: str | None,
    endpoint: str | None,
    state: str | None,
    window: str,
    limit: int,
) -> None:
    """Sum up the runs of each job.

    HEALTH is healthy from 95 % of success, degraded from 70 %, and warning below.
    """
    wanted = run_input.filter_of(invocation, job, namespace, endpoint, state)
    answer = invocation.client.get("/api/runs/by-job", {**wanted, "window": window, "page_size": limit})
    rows = ([_job(one), *_tally(invocation, one), str(one.get("endpoint_count"))] for one in answer.part("jobs"))
    _print(invocation, answer.body, _BY_JOB, rows, limit)


@click.command("by-endpoint", cls=Command)
@click.option("--name", help="Only endpoints with this in their name.")
@click.option("--platform", help="Only endpoints on this platform, such as linux.")
@run_input.job_option
@run_input.namespace_option
@_window
@_limit
@pass_invocation
def by_endpoint(
    invocation: Invocation,
    name: str | None,
    platform: str | None,
    job: str | None,
    namespace: str | None,
    window: str,
    limit: int,
) -> None:
    """Sum up the runs on each endpoint, the busiest first."""
    wanted = run_input.filter_of(invocation, job, namespace, None, None)
    query = {"job": wanted["job"], "namespace": wanted["namespace"], "name": name, "platform": platform}
    answer = invocation.client.get("/api/runs/by-endpoint", {**query, "window": window, "page_size": limit})
    rows = (_endpoint_row(invocation, one) for one in answer.part("endpoints"))
    _print(invocation, answer.body, _BY_ENDPOINT, rows, limit)


def _print(invocation: Invocation, body: Body, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], limit: int) -> None:
    empty = ("No runs in this window.", "Look further back: --window all")
    invocation.printer.listing(body, columns, rows, empty=empty)
    if invocation.printer.is_table and int(body.get("total") or 0) > limit:
        invocation.printer.note(f"There are {body['total']}; raise --limit (now {limit}).")


def _job(report: Body) -> str:
    return references.shown(report.get("namespace"), report.get("job_name"))


def _tally(invocation: Invocation, report: Body) -> list[Cell]:
    return [
        status(report.get("health")),
        str(report.get("run_count")),
        str(report.get("success_count")),
        str(report.get("failure_count")),
        invocation.printer.took(report.get("average_ms")),
        invocation.printer.took(report.get("longest_ms")),
    ]


def _endpoint_row(invocation: Invocation, report: Body) -> list[Cell]:
    # An endpoint that was deleted has runs and no name any more.
    name = report.get("name") or "(deleted)"
    place = [report.get("endpoint_id"), report.get("hostname"), report.get("platform"), report.get("version")]
    return [name, *_tally(invocation, report), str(report.get("job_count")), *place]
