"""`crontopus-agent logs`."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import click

from agent import journal, logbook
from agent.config import load_config, own_home
from agent.home import Home
from agent.logbook import LEVELS
from agent.system import system
from agent.terminal import is_coloured
from chalicelib.domain import durations
from chalicelib.domain.errors import CrontopusError, Stalled
from chalicelib.domain.times import from_text


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on showing what is added, until Ctrl-C.")
@click.option("-n", "--lines", default=100, show_default=True, type=click.IntRange(min=0), help="How many events; 0: all.")
@click.option("--since", metavar="SPAN|MOMENT", help="Only newer ones: 30m, 2h, 1d, or 2026-11-20T12:00:00Z.")
@click.option("--level", type=click.Choice(LEVELS), default="debug", show_default=True, help="Only as grave or graver ones.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def logs(follow: bool, lines: int, since: str | None, level: str, output: str) -> None:
    """Show what the agent logged, the oldest first, through all of its files, or out of journald.

    \b
    Examples:
      crontopus-agent logs -f
      crontopus-agent logs --since 2h --level warning
      crontopus-agent logs -n 0 -o json | jq .event
    """
    home, environ = own_home()
    after = _moment(since, datetime.now(UTC)) if since else None
    colour = is_coloured(sys.stdout, environ)

    def show(line: str) -> None:
        click.echo(logbook.as_json(line) if output == "json" else logbook.as_text(line, is_coloured=colour), color=colour)

    is_journal = not logbook.files(home.log) and _logs_to_journald(home, environ)
    if not is_journal and not logbook.files(home.log):
        click.echo(f"nothing is logged yet: there is no {home.log}", err=True)
    found = journal.lines(environ, system.uid()) if is_journal else logbook.lines(home.log)
    wanted = [line for line in found if logbook.is_wanted(line, after, level)]
    for line in wanted[-lines:] if lines else wanted:
        show(line)
    if not follow:
        return
    if is_journal:
        asked = " ".join(journal.command(system.uid(), is_following=True)).replace("json", "cat")
        raise Stalled(f"agent.log is switched off; follow journald with `{asked}`", code="config")
    try:
        for line in logbook.follow(home.log):
            if logbook.is_wanted(line, after, level):
                show(line)
    except KeyboardInterrupt:
        return


def _logs_to_journald(home: Home, environ: Mapping[str, str]) -> bool:
    try:
        return not load_config(home, environ).log.file
    except CrontopusError:
        return False


def _moment(written: str, now: datetime) -> datetime:
    try:
        return now - timedelta(seconds=durations.seconds(written))
    except (ValueError, OverflowError):
        pass
    try:
        return from_text(written)
    except ValueError as e:
        raise click.UsageError(
            f"--since: {written!r} is neither a span such as 2h nor a moment such as 2026-11-20T12:00:00Z"
        ) from e
