"""crontopus jobs slots: when a job should have run, and what came of each time."""

import click

from cli import client, references
from cli.answers import Body
from cli.commands import job_input
from cli.groups import Command
from cli.invocation import Invocation, pass_invocation
from cli.tables import Cell, Column

STATES = ("ok", "late", "missed", "failed", "overlapped", "skipped", "running", "paused", "maintenance", "unknown", "due")
_SLOTS = (
    Column("SLOT", key="at", is_name=True),
    Column("STATE", key="state"),
    Column("ENDPOINT", key="endpoint_id"),
    Column("WHY", is_flexible=True, key="why"),
    Column("RUN", is_wide=True),
)


@click.command("slots", cls=Command)
@job_input.reference_argument
@job_input.namespace_option
@click.option("--hours", type=click.IntRange(1, 168), default=24, show_default=True, help="How far back.")
@click.option("--endpoint", "endpoint_id", metavar="ID", help="Only on this machine.")
@click.option("--state", type=click.Choice(STATES), metavar="STATE", help="Only such slots: ok, late, missed, failed ...")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many, the newest first.")
@pass_invocation
def slots(
    invocation: Invocation,
    job: str,
    namespace: str | None,
    hours: int,
    endpoint_id: str | None,
    state: str | None,
    limit: int,
) -> None:
    """Show when a job should have run, and what came of each time.

    \b
    Examples:
      crontopus jobs slots backup
      crontopus jobs slots backup --state missed --hours 168
    """
    printer = invocation.printer
    path = client.path("jobs", *references.parse(job, namespace), "slots")
    query = {"hours": hours, "endpoint_id": endpoint_id, "state": state, "limit": limit}
    answer = invocation.client.get(path, {name: value for name, value in query.items() if value is not None})
    rows = (_row(invocation, slot) for slot in answer.part("slots"))
    printer.listing(
        answer.body, _SLOTS, rows, empty=["Nothing was expected in this time.", "An endpoint has to confirm a job."]
    )
    counts = answer.body.get("counts") or {}
    if printer.is_table and counts:
        printer.note(", ".join(f"{counts[one]} {one}" for one in STATES if counts.get(one)))


def _row(invocation: Invocation, slot: Body) -> list[Cell]:
    first = next(iter(slot.get("runs") or []), None)
    return [invocation.printer.ago(slot.get("at")), slot.get("state"), slot.get("endpoint_id"), slot.get("why"), first]


COMMANDS = (slots,)
