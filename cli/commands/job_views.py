"""crontopus jobs history, diff, next: what a job was, what became of it, and when it runs."""

import click

from cli import client, references
from cli.answers import Body
from cli.commands import job_input
from cli.groups import Command
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column

_HISTORY = (
    Column("WHEN", key="at"),
    Column("WHO", key="author"),
    Column("WHAT", is_flexible=True, key="subject"),
    Column("COMMIT", is_extra=True),
    Column("FILE", is_wide=True, key="path"),
    Column("SHA", is_wide=True, is_name=True),
)
_CHANGES = (Column("FIELD", is_name=True), Column("BEFORE"), Column("AFTER"))
_NEXT = (Column("LOCAL"), Column("UTC", is_name=True), Column("ZONE"), Column("ENDPOINTS", is_flexible=True))


@click.command("history", cls=Command)
@job_input.reference_argument
@job_input.namespace_option
@click.option("--limit", type=click.IntRange(1, 50), default=20, show_default=True, help="How many commits to show.")
@pass_invocation
def history(invocation: Invocation, job: str, namespace: str | None, limit: int) -> None:
    """Show who changed a job, and when; also one that was deleted."""
    printer = invocation.printer
    path = client.path("jobs", *references.parse(job, namespace), "history")
    answer = invocation.client.get(path, {"limit": limit})
    printer.listing(answer.body, _HISTORY, (_commit(invocation, commit) for commit in answer.part("commits")))
    if answer.body.get("next") and printer.is_table:
        printer.note(f"There are more than {limit}; see them with --limit or `git log` in the repository.")


@click.command("diff", cls=Command)
@job_input.reference_argument
@job_input.namespace_option
@click.option("--from", "older", metavar="COMMIT", help="The earlier one; by default the one before the last change.")
@click.option("--to", "newer", metavar="COMMIT", help="The later one; by default that of the last change.")
@click.pass_context
def diff(ctx: click.Context, job: str, namespace: str | None, older: str | None, newer: str | None) -> None:
    """Show what changed in a job between two commits. Ends with 1 if anything did.

    \b
    Examples:
      crontopus jobs diff backup
      crontopus jobs diff backup --from c0ffee12 --to 4d2a9b01
    """
    invocation = ctx.ensure_object(Invocation)
    path = client.path("jobs", *references.parse(job, namespace))
    query = {"from": _whole(invocation, path, older), "to": _whole(invocation, path, newer)}
    answer = invocation.client.get(f"{path}/diff", query)
    if invocation.printer.is_table:
        invocation.printer.diff(answer.part("diff"))
    else:
        changes = answer.body.get("changes") or []
        rows = ([one.get("field"), _plain(one.get("before")), _plain(one.get("after"))] for one in changes)
        invocation.printer.listing(answer.body, _CHANGES, rows)
    ctx.exit(1 if answer.part("diff") else 0)


@click.command("next", cls=Command)
@job_input.reference_argument
@job_input.namespace_option
@click.option("--count", default=5, show_default=True, type=click.IntRange(1, 50), help="How many runs to show.")
@pass_invocation
def next_runs(invocation: Invocation, job: str, namespace: str | None, count: int) -> None:
    """Show when a job runs next.

    In each zone that its endpoints live in, if it names none itself.
    """
    printer = invocation.printer
    path = client.path("jobs", *references.parse(job, namespace), "next-runs")
    answer = invocation.client.get(path, {"count": count})
    if printer.is_table and answer.body.get("description"):
        printer.note(str(answer.body["description"]))
    rows = (
        [_clock(run), run.get("at"), zone.get("timezone"), _names(zone)]
        for zone in answer.part("zones")
        for run in zone["runs"]
    )
    printer.listing(answer.body, _NEXT, rows, empty=["No run can be foretold."])
    if printer.is_table:
        for note in answer.body.get("notes") or []:
            printer.note(f"note: {note}")


def _commit(invocation: Invocation, commit: Body) -> list[Cell]:
    moment, sha = invocation.printer.ago(commit.get("at")), str(commit.get("sha"))
    return [moment, commit.get("author"), commit.get("subject"), sha[:10], commit.get("path"), sha]


def _whole(invocation: Invocation, path: str, commit: str | None) -> str | None:
    """Return a commit in full, as the API wants it: tables show its first ten letters."""
    if commit is None or len(commit) >= 40:
        return commit
    known = invocation.client.get(f"{path}/history", {"limit": 50}).part("commits")
    found = [str(one["sha"]) for one in known if str(one["sha"]).startswith(commit.lower())]
    if len(found) != 1:
        what = "several commits" if found else "none of its last 50 commits"
        raise click.UsageError(f"{commit!r} is {what} of this job; give one in full, from `jobs history -o name`")
    return found[0]


def _plain(value: object) -> str | None:
    return None if value is None else str(value)


def _clock(run: Body) -> str:
    return str(run.get("local")).replace("T", " ", 1)


def _names(zone: Body) -> str | None:
    return ", ".join(str(one.get("name")) for one in zone.get("endpoints") or []) or None


COMMANDS = (history, diff, next_runs)
