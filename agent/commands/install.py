"""`crontopus-agent install`."""

import os
from pathlib import Path

import click

from agent.commands.service import control_of
from agent.config import load_config, own_home
from agent.services.steps import shown


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be written and run, and change nothing.")
@click.option("--program", type=click.Path(path_type=Path), help="What starts the agent, if it is not this very program.")
def install(dry_run: bool, program: Path | None) -> None:
    """Have the agent run now and from every start of this machine on: root's as a service of the system, else of the user.

    \b
    Examples:
      crontopus-agent install --dry-run
      sudo crontopus-agent install
    """
    if program and not (program.is_absolute() and os.access(program, os.X_OK)):
        raise click.UsageError(f"--program {program}: must be an absolute path of a program")
    control = control_of(program)
    if dry_run:
        for line in shown(control.installing()):
            click.echo(line)
        return
    load_config(own_home()[0])
    control.install()
    click.echo(f"the agent runs as a service of {control.manager.name}: {control.path}")
    for hint in control.manager.hints(control.setup):
        click.echo(hint)
