"""crontopus runs: what has run, and how it went."""

from datetime import datetime

import click

from cli import client, pages
from cli.answers import Body
from cli.commands import run_facts, run_input, run_reports, run_watch
from cli.groups import Group
from cli.invocation import Invocation, pass_invocation

DEFAULT_LIMIT = 20
MAX_PAGE = 1000


@click.group("runs", cls=Group, aliases={"get": "show"})
def runs() -> None:
    """Look at what has run."""


for command in (run_reports.by_job, run_reports.by_endpoint, run_watch.watch):
    runs.add_command(command)


@runs.command("list")
@run_input.run_filters
@run_input.days_option
@click.option("--since", metavar="SPAN|MOMENT", help="Look back so far instead: 2h, 2026-11-20, 2026-11-20T09:00:00Z.")
@click.option("--limit", type=click.IntRange(1), default=DEFAULT_LIMIT, show_default=True, help="How many at most.")
@pass_invocation
def list_runs(
    invocation: Invocation,
    job: str | None,
    namespace: str | None,
    endpoint: str | None,
    state: str | None,
    days: int,
    since: str | None,
    limit: int,
) -> None:
    """List runs, newest first.

    \b
    Examples:
      crontopus runs list --status failure
      crontopus runs list --since 2h
      crontopus runs list --job backup --days 30 --limit 100
    """
    now = invocation.printer.now
    start = run_input.moment_of(since, now, "--since") if since else None
    wanted = run_input.filter_of(invocation, job, namespace, endpoint, state)
    query = {**wanted, "days": run_input.days_since(start, now) if start else days}
    body = pages.joined(invocation.client, "/api/runs", "runs", query, size_name="limit", page_size=MAX_PAGE, at_most=limit)
    if start:
        body = _since(body, start)
    empty = _emptiness(f"since {since}" if since else days, is_filtered=any(wanted.values()))
    invocation.printer.listing(body, run_facts.COLUMNS, (run_facts.row(invocation, run) for run in body["runs"]), empty=empty)
    if body.get("next") and invocation.printer.is_table:
        invocation.printer.note(f"There are more; raise --limit (now {limit}).")


@runs.command("show")
@click.argument("run")
@pass_invocation
def show(invocation: Invocation, run: str) -> None:
    """Show one run and its output. RUN is its id, from `crontopus runs list`."""
    answer = invocation.client.get(client.path("runs", run))
    found = answer.part("run")
    below = ["", run_facts.output_heading(found), *([found["output"]] if found.get("output") else [])]
    invocation.printer.thing(answer.body, run_facts.facts(invocation, found), name=run, below=below)


def _since(body: Body, start: datetime) -> Body:
    """Return the answer without what is older. The API knows whole days, so its total is one of more runs."""
    found = [run for run in body["runs"] if datetime.fromisoformat(run["started_at"]) >= start]
    following = body.get("next") if len(found) == len(body["runs"]) else None
    return {**body, "runs": found, "total": None, "next": following}


def _emptiness(span: str | int, *, is_filtered: bool) -> tuple[str, str]:
    if isinstance(span, int):
        span = "in the last day" if span == 1 else f"in the last {span} days"
    if is_filtered:
        return f"No such runs {span}.", "Look further back or at all of them: crontopus runs list --days 90"
    return f"No runs {span}.", "See what should run: crontopus jobs list"
