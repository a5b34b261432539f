"""crontopus plan: what a change would do to each machine, before anybody commits it."""

from collections.abc import Iterator, Sequence

import click

from cli import completion, manifests
from cli.answers import Body
from cli.errors import Invalid
from cli.groups import Command
from cli.invocation import Invocation
from cli.tables import Cell, Column, status

EXIT_CHANGES = 2
_COLUMNS = (
    Column("ENDPOINT"),
    Column("CHANGE"),
    Column("JOB", is_name=True),
    Column("SCHEDULE"),
    Column("COMMAND", is_flexible=True, is_cut=True),
    Column("NEXT", is_extra=True, key="next_run"),
    Column("WAS", is_wide=True, key="before"),
)


@click.command("plan", cls=Command)
@click.option("--file", "-f", "paths", type=click.Path(exists=True), multiple=True, required=True, help="Repeatable.")
@click.option("--namespace", "-n", help="For manifests that name none.", shell_complete=completion.of("namespaces"))
@click.option("--complete", is_flag=True, help="They are all there is: jobs that are not among them would go.")
@click.pass_context
def plan(ctx: click.Context, paths: Sequence[str], namespace: str | None, complete: bool) -> None:
    """Show what manifests would change on each machine.

    They come from files, or from a folder that is laid out as the repository is. Nothing is stored. Ends with 0 if nothing
    would change, with 2 if something would.

    \b
    Examples:
      crontopus plan -f default/backup.yaml
      crontopus plan -f . --complete
    """
    invocation = ctx.ensure_object(Invocation)
    printer = invocation.printer
    files = manifests.by_path(paths, namespace)
    answer = invocation.client.post("/api/plan", {"files": files, "is_complete": complete})
    rows = (row for endpoint in answer.part("endpoints") for row in _rows(invocation, endpoint))
    printer.listing(answer.body, _COLUMNS, rows, empty=["Nothing would change on any machine."])
    if printer.is_table:
        for warning in answer.body.get("warnings") or []:
            printer.note(f"warning: {warning}")
    if problems := answer.body.get("problems"):
        lines = [manifests.placed(path, f"{field}: {words}") for path, of in problems.items() for field, words in of.items()]
        raise Invalid("these files cannot be used, and were taken as they are now in the repository", hints=lines)
    ctx.exit(EXIT_CHANGES if answer.part("has_changes") else 0)


def _rows(invocation: Invocation, endpoint: Body) -> Iterator[list[Cell]]:
    for change in ("added", "changed", "removed"):
        for entry in endpoint.get(change) or []:
            moments = entry.get("next_runs") or []
            before = " ".join(str(entry[key]) for key in ("schedule_before", "command_before") if entry.get(key))
            yield [
                endpoint.get("name"),
                status(change),
                entry.get("job"),
                entry.get("schedule"),
                entry.get("command"),
                invocation.printer.ago(moments[0]) if moments else None,
                before or None,
            ]
