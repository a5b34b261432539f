"""`crontopus-agent sync`."""

from datetime import UTC, datetime

import click

from agent import audit, daemon, logs
from agent.audit_facts import of_round
from agent.config import load_config, own_home
from agent.overview import running_pid
from agent.preview import Preview
from agent.status import StatusBoard
from agent.system import system
from chalicelib.domain.errors import CrontopusError, Stalled


@click.command()
@click.option("--once", is_flag=True, help="One round; the default.")
@click.option("--dry-run", is_flag=True, help="Show what a round would change, and change nothing.")
@click.option("--allow-removals", is_flag=True, help="Approve the removals that the agent holds back.")
def sync(once: bool, dry_run: bool, allow_removals: bool) -> None:
    """Bring the crontab in line with the repository, once.

    \b
    Examples:
      crontopus-agent sync --dry-run
      crontopus-agent sync --once
      crontopus-agent sync --once --allow-removals
    """
    if dry_run and (once or allow_removals):
        raise click.UsageError("--dry-run goes with neither --once nor --allow-removals")
    home, environ = own_home()
    rounds = daemon.open_sync(home, load_config(home), environ, system.uid())
    logs.start(home.log, "info")
    if dry_run:
        _show_preview(rounds.preview())
        return
    board = StatusBoard(home.status)
    is_alone = running_pid(home) is None
    try:
        daemon.prepare(home, rounds)
        report = rounds.round(allow_removals=allow_removals)
    except CrontopusError as e:
        if is_alone:
            board.failed("sync", e, datetime.now(UTC))
        raise
    if is_alone:
        board.synced(report)
    if report.is_written or allow_removals:
        audit.record(home, "round", of_round(report) | {"is_approved": allow_removals})
    counts = f"{report.added} added, {report.changed} changed, {report.removed} removed; {report.managed} managed"
    click.echo(f"commit {report.head[:12]}: {counts}")
    for text in (*report.notes, *report.problems, *report.warnings):
        click.echo(text, err=True)
    if report.suspension:
        raise Stalled(f"{report.suspension.words}; changes that wait: {report.pending}", code="suspended")
    if report.held:
        raise report.held


def _show_preview(preview: Preview) -> None:
    decision, steps = preview.decision, preview.decision.plan
    click.echo(preview.diff or "the table stays as it is")
    gone = 0 if decision.held else len(steps.removals)
    click.echo(f"{len(steps.adds)} to add, {len(steps.changes)} to change, {len(steps.pauses) + gone} to remove", err=True)
    for text in (*decision.notes, *decision.warnings):
        click.echo(text, err=True)
    if decision.held:
        raise decision.held
