"""crontopus runs: what has run, and how it went."""

from collections.abc import Iterator

import click

from chalicelib.domain.runs import STATUSES
from cli import client, completion, pages, references
from cli.answers import Body
from cli.commands import endpoint_input
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column, Fact, status
from cli.text import took

DEFAULT_LIMIT = 20
MAX_PAGE = 100
# Smaller differences are ordinary network time.
NOTABLE_SKEW_MS = 5_000

_COLUMNS = (
    Column("STATUS"),
    Column("JOB", is_flexible=True),
    Column("STARTED", key="started_at"),
    Column("TOOK", key="duration_ms"),
    Column("RUN", is_name=True, key="run_id"),
    Column("EXIT", is_extra=True),
    Column("ENDPOINT", is_extra=True),
    Column("FINISHED", is_wide=True, key="finished_at"),
    Column("COMMIT", is_wide=True),
    Column("JOB ID", is_wide=True),
)


@click.group("runs", cls=Group, aliases={"get": "show"})
def runs() -> None:
    """Look at what has run."""


@runs.command("list")
@click.option("--job", "-j", metavar="[NAMESPACE/]NAME", help="Only runs of this job.", shell_complete=completion.of("jobs"))
@click.option("--namespace", "-n", help="Only runs of jobs in this namespace.", shell_complete=completion.of("namespaces"))
@click.option(
    "--endpoint", "-e", metavar="NAME|ID", help="Only runs on this endpoint.", shell_complete=completion.of("endpoints")
)
@click.option("--status", "state", type=click.Choice(STATUSES), help="Only runs that ended, or are, like this.")
@click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True, help="How far to look back.")
@click.option("--limit", type=click.IntRange(1), default=DEFAULT_LIMIT, show_default=True, help="How many at most.")
@pass_invocation
def list_runs(
    invocation: Invocation,
    job: str | None,
    namespace: str | None,
    endpoint: str | None,
    state: str | None,
    days: int,
    limit: int,
) -> None:
    """List runs, newest first.

    \b
    Examples:
      crontopus runs list --status failure
      crontopus runs list --job backup --days 30 --limit 100
    """
    if job and "/" in job:
        namespace, job = references.parse(job, namespace)
    endpoint_id = endpoint_input.find(invocation.client, endpoint)["id"] if endpoint else None
    query = {"job": job, "namespace": namespace, "endpoint_id": endpoint_id, "status": state, "days": days}
    body = pages.joined(invocation.client, "/api/runs", "runs", query, size_name="limit", page_size=MAX_PAGE, at_most=limit)
    empty = _emptiness(days, is_filtered=bool(job or namespace or endpoint or state))
    invocation.printer.listing(body, _COLUMNS, (_row(invocation, run) for run in body["runs"]), empty=empty)
    if body.get("next") and invocation.printer.is_table:
        invocation.printer.note(f"There are more; raise --limit (now {limit}).")


@runs.command("show")
@click.argument("run")
@pass_invocation
def show(invocation: Invocation, run: str) -> None:
    """Show one run and its output. RUN is its id, from `crontopus runs list`."""
    answer = invocation.client.get(client.path("runs", run))
    found = answer.part("run")
    below = ["", _output_heading(found), *([found["output"]] if found.get("output") else [])]
    invocation.printer.thing(answer.body, _facts(invocation, found), name=run, below=below)


def _emptiness(days: int, *, is_filtered: bool) -> tuple[str, str]:
    span = "the last day" if days == 1 else f"the last {days} days"
    if is_filtered:
        return f"No such runs in {span}.", "Look further back or at all of them: crontopus runs list --days 90"
    return f"No runs in {span}.", "See what should run: crontopus jobs list"


def _row(invocation: Invocation, run: Body) -> list[Cell]:
    return [
        status(run.get("status")),
        references.shown(run.get("namespace"), run.get("job_name")),
        invocation.printer.ago(run.get("started_at")),
        invocation.printer.took(run.get("duration_ms")),
        run.get("run_id"),
        _exit(run),
        run.get("endpoint_id"),
        invocation.printer.ago(run.get("finished_at")),
        str(run["commit"])[:10] if run.get("commit") else None,
        run.get("job_id"),
    ]


def _facts(invocation: Invocation, run: Body) -> Iterator[Fact]:
    printer = invocation.printer
    finished = run.get("finished_at")
    yield "Status", status(run.get("status"))
    yield "Job", references.shown(run.get("namespace"), run.get("job_name"))
    yield "Endpoint", run.get("endpoint_id")
    yield "Started", printer.local(run.get("started_at"))
    yield "Finished", printer.local(finished) if finished else None
    yield "Took", printer.took(run.get("duration_ms"))
    yield "Exit code", _exit(run)
    yield "Clock", _skew(run.get("skew_ms"))
    yield "Commit", run.get("commit")
    yield "Run", run.get("run_id")


def _exit(run: Body) -> str | None:
    if run.get("signal"):
        return f"{run.get('exit_code')} (signal {run['signal']})" if run.get("exit_code") else f"signal {run['signal']}"
    return None if run.get("exit_code") is None else str(run["exit_code"])


def _skew(skew_ms: int | None) -> str | None:
    if skew_ms is None or abs(skew_ms) < NOTABLE_SKEW_MS:
        return None
    return f"the endpoint's clock is {took(abs(skew_ms))} {'behind' if skew_ms > 0 else 'ahead'}"


def _output_heading(run: Body) -> str:
    kept, written = run.get("output"), run.get("output_bytes")
    if not kept:
        return "It wrote no output." if not written else f"Output: {written} bytes, not kept."
    return f"Output, the end of {written} bytes:" if run.get("output_truncated") else "Output:"
