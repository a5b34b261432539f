"""`crontopus-agent restart`."""

import click

from agent.commands.service import control_of


@click.command()
def restart() -> None:
    """Stop the service and start it again.

    \b
    Examples:
      crontopus-agent restart
    """
    control_of().restart()
    click.echo("the agent runs anew")
