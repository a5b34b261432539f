"""`crontopus-agent start`."""

import click

from agent.commands.service import control_of


@click.command()
def start() -> None:
    """Start the service that `install` has made.

    \b
    Examples:
      crontopus-agent start
    """
    control_of().start()
    click.echo("the agent runs")
