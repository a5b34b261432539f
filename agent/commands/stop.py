"""`crontopus-agent stop`."""

import click

from agent.commands.service import control_of


@click.command()
def stop() -> None:
    """Stop the service; jobs go on, and their results wait in the spool.

    \b
    Examples:
      crontopus-agent stop
    """
    control_of().stop()
    click.echo("the agent is stopped; jobs go on as they are")
