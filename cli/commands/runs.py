"""crontopus runs: what has run, and how it went."""

import click

from chalicelib.domain.runs import STATUSES
from cli import client
from cli.answers import Body
from cli.client import Client
from cli.commands import endpoint_input, job_input
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation
from cli.output import Cell, Column, status
from cli.text import took

DEFAULT_LIMIT = 20
MAX_PAGE = 100
# Smaller differences are ordinary network time.
NOTABLE_SKEW_MS = 5_000

_COLUMNS = (
    Column("STATUS"),
    Column("JOB", is_flexible=True),
    Column("STARTED"),
    Column("TOOK"),
    Column("RUN"),
    Column("EXIT", is_extra=True),
    Column("ENDPOINT", is_extra=True),
)


@click.group("runs", cls=Group, aliases={"get": "show"})
def runs() -> None:
    """Look at what has run."""


@runs.command("list")
@click.option("--job", "-j", metavar="[NAMESPACE/]NAME", help="Only runs of this job.")
@click.option("--namespace", "-n", help="Only runs of jobs in this namespace.")
@click.option("--endpoint", "-e", metavar="NAME|ID", help="Only runs on this endpoint.")
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
        namespace, job = job_input.reference(job, namespace)
    endpoint_id = endpoint_input.find(invocation.client, endpoint)["id"] if endpoint else None
    query = {"job": job, "namespace": namespace, "endpoint_id": endpoint_id, "status": state, "days": days}
    body = _collected(invocation.client, query, limit)
    if invocation.printer.is_json:
        invocation.printer.json(body)
    elif body["runs"]:
        invocation.printer.table(_COLUMNS, [_row(invocation, run) for run in body["runs"]])
    else:
        _explain_emptiness(invocation, days, is_filtered=bool(job or namespace or endpoint or state))
    if body.get("next") and not invocation.printer.is_json:
        invocation.printer.note(f"There are more; raise --limit (now {limit}).")


@runs.command("show")
@click.argument("run")
@pass_invocation
def show(invocation: Invocation, run: str) -> None:
    """Show one run and its output. RUN is its id, from `crontopus runs list`."""
    printer = invocation.printer
    answer = invocation.client.get(client.path("runs", run))
    if printer.is_json:
        printer.json(answer.body)
        return
    found = answer.part("run")
    printer.facts(_facts(invocation, found))
    printer.line("")
    printer.line(_output_heading(found))
    if found.get("output"):
        printer.block(found["output"])


def _collected(client: Client, query: dict[str, str | int | None], limit: int) -> Body:
    """Return the API's answer with as many pages joined as `limit` takes."""
    answer = client.get("/api/runs", {**query, "limit": min(limit, MAX_PAGE)})
    body, found = answer.body, answer.part("runs")
    # A page may be empty and not be the last one: the API filters after it has read.
    while (following := body.get("next")) and len(found) < limit:
        answer = client.get("/api/runs", {**query, "limit": min(limit - len(found), MAX_PAGE), "next": following})
        found = found + answer.part("runs")
        body = {**answer.body, "runs": found}
        if body.get("next") == following:
            break
    return body


def _explain_emptiness(invocation: Invocation, days: int, *, is_filtered: bool) -> None:
    span = "the last day" if days == 1 else f"the last {days} days"
    if is_filtered:
        invocation.printer.note(f"No such runs in {span}.")
        invocation.printer.note("Look further back or at all of them: crontopus runs list --days 90")
    else:
        invocation.printer.note(f"No runs in {span}.")
        invocation.printer.note("See what should run: crontopus jobs list")


def _row(invocation: Invocation, run: Body) -> list[Cell]:
    return [
        status(run.get("status")),
        job_input.shown_reference(str(run.get("namespace")), str(run.get("job_name"))),
        invocation.printer.ago(run.get("started_at")),
        took(run.get("duration_ms")),
        run.get("run_id"),
        _exit(run),
        run.get("endpoint_id"),
    ]


def _facts(invocation: Invocation, run: Body) -> list[tuple[str, Cell]]:
    printer = invocation.printer
    finished = run.get("finished_at")
    return [
        ("Status", status(run.get("status"))),
        ("Job", job_input.shown_reference(str(run.get("namespace")), str(run.get("job_name")))),
        ("Endpoint", run.get("endpoint_id")),
        ("Started", printer.local(run.get("started_at"))),
        ("Finished", printer.local(finished) if finished else None),
        ("Took", took(run.get("duration_ms"))),
        ("Exit code", _exit(run)),
        ("Clock", _skew(run.get("skew_ms"))),
        ("Commit", run.get("commit")),
        ("Run", run.get("run_id")),
    ]


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
