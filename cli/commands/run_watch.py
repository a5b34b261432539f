"""crontopus runs watch: what runs now."""

import sys
from collections.abc import Callable

import click
from rich.live import Live

from cli import completion, references, tables
from cli.answers import Body
from cli.commands import run_facts, run_input
from cli.following import Seen, polled
from cli.groups import Command
from cli.invocation import Invocation, pass_invocation

WINDOW_DAYS = 1


@click.command("watch", cls=Command)
@click.option("--follow", "-f", metavar="[NAMESPACE/]NAME", help="Only runs of this job.", shell_complete=completion.of("jobs"))
@run_input.run_filters
@click.option("--interval", type=click.IntRange(2, 3600), default=3, show_default=True, help="Seconds between two looks.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many to show.")
@pass_invocation
def watch(
    invocation: Invocation,
    follow: str | None,
    job: str | None,
    namespace: str | None,
    endpoint: str | None,
    state: str | None,
    interval: int,
    limit: int,
) -> None:
    """Show runs as they come and end, until Ctrl-C.

    A terminal gets a table that is kept up to date. A pipe gets a line for each run
    that begins or ends; with -o json each line is a run.

    \b
    Examples:
      crontopus runs watch
      crontopus runs watch --follow backup
      crontopus runs watch --status failure -o json
    """
    if job and follow:
        raise click.UsageError("--follow is one job, --job a part of a name; give one of them")
    wanted = run_input.filter_of(invocation, job or follow, namespace, endpoint, state)
    query = {**wanted, "days": WINDOW_DAYS, "limit": limit, "count": "false"}
    followed = references.shown(*references.parse(follow, namespace)) if follow else None

    def ask() -> Body:
        answer = invocation.client.get("/api/runs", query)
        return {"runs": [run for run in answer.part("runs") if followed in (None, run_facts.job_of(run))]}

    if invocation.printer.is_table and sys.stdout.isatty():
        _keep_table(invocation, ask, interval)
    else:
        _print_news(invocation, ask, interval)


def _keep_table(invocation: Invocation, ask: Callable[[], Body], interval: int) -> None:
    on = invocation.printer.console()
    with Live(console=on, auto_refresh=False, screen=False, vertical_overflow="crop") as live:
        for body in polled(invocation, ask, interval):
            invocation.printer.now = invocation.now()
            rows = [run_facts.row(invocation, run) for run in body["runs"]]
            is_whole = invocation.printer.look.form == "wide"
            live.update(tables.drawn(on, run_facts.COLUMNS, rows, is_whole=is_whole), refresh=True)


def _print_news(invocation: Invocation, ask: Callable[[], Body], interval: int) -> None:
    seen = Seen()
    for body in polled(invocation, ask, interval):
        invocation.printer.now = invocation.now()
        for run in seen.news(body["runs"]):
            invocation.printer.event(run, run_facts.COLUMNS, run_facts.row(invocation, run))
