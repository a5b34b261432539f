"""`crontopus-agent start`."""

import click

from agent.commands.service import control_of


@click.command()
def start() -> None:
    """Start the service that `install` has made."""
    control_of().start()
    click.echo("the agent runs")
