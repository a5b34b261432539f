"""`crontopus-agent restore`."""

import sys
from datetime import UTC, datetime

import click

from agent import audit
from agent import restore as restoring
from agent.config import load_config, own_home
from agent.home import Home
from agent.schedulers.factory import open_scheduler
from agent.system import system
from agent.tablediff import diff
from chalicelib.domain.times import to_text


@click.command()
@click.argument("snapshot", required=False)
@click.option("--list", "is_list", is_flag=True, help="Show the saved tables, the newest first.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def restore(snapshot: str | None, is_list: bool, yes: bool) -> None:
    """Put a saved table back: `latest`, or the name of a SNAPSHOT, or its beginning or end.

    Rounds are suspended, since the next one would undo it; `crontopus-agent resume` lets them go on.

    \b
    Examples:
      crontopus-agent restore --list
      crontopus-agent restore latest
    """
    home, environ = own_home()
    config = load_config(home)
    if is_list or not snapshot:
        if not is_list:
            raise click.UsageError("name a snapshot, or `latest`; --list shows them")
        _list(home)
        return
    chosen = restoring.pick(home, snapshot)
    table = restoring.read(chosen)
    scheduler = open_scheduler(home, config, environ, system.uid())
    shown = scheduler.raw()
    change = diff(shown, table)
    if shown == table:
        click.echo(f"the table is what {chosen.name} says already")
        return
    click.echo(change or "the tables differ in bytes that do not show")
    _agree(chosen.name, yes=yes)
    saved = restoring.put_back(home, scheduler, shown, table, datetime.now(UTC))
    audit.record(home, "restored", {"snapshot": chosen.name, "saved": saved.name})
    click.echo(f"{chosen.name} is in place; the table it replaced: {saved}")
    click.echo(
        "rounds are suspended: the next one would make the table what the repository says.\n"
        "Change the manifests first, see `crontopus-agent diff`, then run `crontopus-agent resume`.",
        err=True,
    )


def _list(home: Home) -> None:
    found = restoring.snapshots(home)
    for one in found:
        click.echo(f"{one.name}  replaced at {to_text(one.taken_at)}  {one.size_bytes} bytes")
    if not found:
        click.echo("no table was saved yet", err=True)


def _agree(name: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("pass --yes to put it back; there is no terminal to ask on")
    click.confirm(f"Put {name} in place of the table?", abort=True, err=True)
