"""crontopus logs: what a job wrote."""

from collections.abc import Callable

import click

from cli import client, pages, references
from cli.answers import Body
from cli.client import Query
from cli.commands import job_input, run_facts, run_input
from cli.following import Seen, polled
from cli.groups import Command
from cli.invocation import Invocation, pass_invocation
from cli.tables import Column

POLL_S = 3
PAGE = 20
_COLUMNS = (*run_facts.COLUMNS, Column("OUTPUT"))


@click.command("logs", cls=Command)
@job_input.reference_argument
@job_input.namespace_option
@click.option("--runs", "count", type=click.IntRange(1, 50), default=5, show_default=True, help="How many runs.")
@click.option("--tail", type=click.IntRange(1), metavar="LINES", help="Only the last lines of each run.")
@click.option("--follow", "-f", is_flag=True, help="Go on with each run that ends, until Ctrl-C.")
@run_input.days_option
@pass_invocation
def logs(
    invocation: Invocation, job: str, namespace: str | None, count: int, tail: int | None, follow: bool, days: int
) -> None:
    """Show what the newest runs of a job wrote, oldest first.

    \b
    Examples:
      crontopus logs backup
      crontopus logs billing/invoices --runs 1 --tail 20
      crontopus logs backup -f
    """
    parts = references.parse(job, namespace)
    ask = _asking(invocation, parts, days, max(PAGE, 2 * count))
    seen = Seen()
    known = seen.news(ask())
    found = [_with_output(invocation, run, tail) for run in known[-count:]]
    printer = invocation.printer
    if follow:
        for run in found:
            _tell(invocation, run)
        _follow(invocation, ask, seen, tail)
    if not printer.is_table:
        rows = ([*run_facts.row(invocation, run), run.get("output")] for run in found)
        printer.listing({"runs": found}, _COLUMNS, rows)
    elif found:
        printer.block("\n".join(_text(invocation, run) for run in found))
    else:
        printer.note(f"{references.shown(*parts)} has not run in the last {days} days.")
        printer.note(f"See when it will: crontopus jobs next {references.shown(*parts)}")


def _asking(invocation: Invocation, parts: tuple[str, str], days: int, size: int) -> Callable[[], list[Body]]:
    """Return what gives the newest runs of this job, newest first."""
    query: Query = {"namespace": parts[0], "job": parts[1], "days": days, "count": "false"}

    def ask() -> list[Body]:
        body = pages.joined(invocation.client, "/api/runs", "runs", query, size_name="limit", page_size=size, at_most=size)
        # The API looks for a part of the name.
        return [run for run in body["runs"] if run.get("job_name") == parts[1]]

    return ask


def _follow(invocation: Invocation, ask: Callable[[], list[Body]], seen: Seen, tail: int | None) -> None:
    for body in polled(invocation, lambda: {"runs": ask()}, POLL_S):
        for run in seen.news(body["runs"]):
            if run.get("status") != "running":
                _tell(invocation, _with_output(invocation, run, tail))


def _tell(invocation: Invocation, run: Body) -> None:
    printer = invocation.printer
    printer.now = invocation.now()
    if printer.is_table:
        printer.say(_text(invocation, run))
    else:
        printer.event(run, _COLUMNS, [*run_facts.row(invocation, run), run.get("output")])


def _with_output(invocation: Invocation, run: Body, tail: int | None) -> Body:
    whole: Body = invocation.client.get(client.path("runs", str(run["run_id"]))).part("run")
    if tail and whole.get("output"):
        whole = {**whole, "output": "\n".join(str(whole["output"]).removesuffix("\n").split("\n")[-tail:])}
    return whole


def _text(invocation: Invocation, run: Body) -> str:
    where = f"{run.get('run_id')} on {invocation.endpoint_name(run.get('endpoint_id'))}"
    heading = f"==> {run.get('status')} {invocation.printer.ago(run.get('started_at'))}, {where} <=="
    if run.get("status") == "running":
        return f"{heading}\nIt is still running."
    return f"{heading}\n" + str(run.get("output") or run_facts.output_heading(run)).removesuffix("\n")
