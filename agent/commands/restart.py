"""`crontopus-agent restart`."""

import click

from agent.commands.service import control_of


@click.command()
def restart() -> None:
    """Stop the service and start it again."""
    control_of().restart()
    click.echo("the agent runs anew")
