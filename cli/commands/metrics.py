"""crontopus metrics: numbers for Prometheus."""

import click

from cli.groups import Command
from cli.invocation import Invocation, pass_invocation


@click.command("metrics", cls=Command)
@click.option("--operator", is_flag=True, help="Those of the whole installation.")
@pass_invocation
def metrics(invocation: Invocation, operator: bool) -> None:
    """Print your numbers as Prometheus reads them."""
    found = invocation.client.text("/metrics" if operator else "/api/metrics")
    invocation.printer.file({"metrics": found}, found)
